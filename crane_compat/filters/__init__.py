"""Site scripts that look at requests: job_submit.lua in the controller, cli_filter.lua in the commands."""
