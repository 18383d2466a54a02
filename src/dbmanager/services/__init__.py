"""What is kept and guarded: store, projects, changes, jobs, audit, policy."""
