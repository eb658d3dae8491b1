"""A preset, a YAML file and dotted flags become one checked settings tree."""
