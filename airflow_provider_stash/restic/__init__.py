"""restic alone: one module starts the process; repository, backends, a module a command."""
