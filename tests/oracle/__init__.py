"""The geofence, slowly and by other means: no index, no arrays of pairs, none of the predicates of `lowsky.geo`.

- `plan`: distances from a geodesic leg to a zone's edges in azimuthal equidistant projections around points of it.
- `exact`: polygons against polygons in fractions.
- `height`: altitude bands as difference constraints over unknown terrain, undulation and take-off points.
- `hours`: schedules as lists of intervals.
- `sun`, `daylight`: where the sun is by another almanac, and hours that begin or end with it.
- `ground`: rasters cell by cell, publishers' ground, and heights compared by it.
- `geofence`: all of it, for a leg or a volume against a layer of a zone.
- `areas`: areas of authorities, their defaults and what permits flying in them, by set operations.
- `law`: what the law asks of a flight, country by country.
- `cases`, `flights`: zones, and what is flown around their edges, in the service's form and the oracle's.
- `sun_cases`: schedules by the sun, and windows around their edges.
- `ground_cases`: rasters, and zones and flights on and beside their cells.
- `area_cases`: authorities that border on one another, and zones that permit a flight but for one thing.
- `profile`: how many examples are drawn.
"""
