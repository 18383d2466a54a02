"""MySQL and MariaDB, told apart by what they can do."""
