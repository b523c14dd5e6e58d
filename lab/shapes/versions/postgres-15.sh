# Postgres 15: the voice database on such a server, and its newest backup by that one.
laid_over postgres:17 postgres:15 'ENV PG_MAJOR=15 PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
restored_on postgres:15
