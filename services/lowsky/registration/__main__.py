from lowsky.registration.main import run

run()
