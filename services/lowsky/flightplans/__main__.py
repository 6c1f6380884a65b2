from lowsky.flightplans.main import run

run()
