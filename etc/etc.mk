# installation; see etc/
