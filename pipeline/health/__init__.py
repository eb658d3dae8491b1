"""What `weakvid doctor` looks at: the software, the machine, and Ray."""
