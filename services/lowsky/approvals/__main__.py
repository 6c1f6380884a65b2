from lowsky.approvals.main import run

run()
