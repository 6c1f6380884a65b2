from lowsky.airspace.main import run

run()
