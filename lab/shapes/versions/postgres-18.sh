# Postgres 18: the voice database on such a server, and its newest backup by that one.
laid_over postgres:17 postgres:18 'ENV PG_MAJOR=18 PATH=/usr/lib/postgresql/18/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
restored_on postgres:18
