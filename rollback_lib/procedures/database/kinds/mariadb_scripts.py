"""What is run in a container of MariaDB or MySQL: scripts for `sh`, in which `client` is the client (commands/mariadb.py)."""

# Restores what it reads into a database, as a user who may write nowhere else: whatever stands in a dump, no other database is touched.
# Arguments: user, database, the name of that user, the live database, which that user may not even enter. In binary mode
# the client takes no command of its own from the dump.
RESTORE = r"""
user=$1 database=$2 limited=$3 live=$4
key=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
remove() { client "$user" -e "DROP USER IF EXISTS '$limited'@'localhost'"; }
trap remove EXIT; trap 'exit 1' INT TERM HUP
remove
pattern=$(printf '%s' "$database" | sed 's/`/``/g; s/[_%\\]/\\&/g')
client "$user" <<END
CREATE USER '$limited'@'localhost' IDENTIFIED BY '$key';
GRANT ALL ON \`$pattern\`.* TO '$limited'@'localhost';
END
as_limited() { (export MYSQL_PWD="$key"; client "$limited" "$@"); }
if as_limited -e 'DO 0' "$live" 2>/dev/null; then
    echo "every user of this server may enter $live, by a grant to PUBLIC or to nobody: take that away first" >&2
    exit 1
fi
as_limited --binary-mode --max-allowed-packet=1G "$database"
"""

# Prints the least number that InnoDB gave to a table of a database, and fails if there is none. Arguments: user, name as in files.
NUMBER = r"""
found=$(client "$1" -e "SELECT MIN(TABLE_ID) FROM information_schema./*M!100000 INNODB_SYS_TABLES */ /*!80000 INNODB_TABLES */
    WHERE SUBSTRING_INDEX(NAME, '/', 1) = '$2'")
case $found in NULL | '') echo "no table of InnoDB came back" >&2; exit 1 ;; *) echo "$found" ;; esac
"""

_QUOTING = r"""
quoted() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n' | sed "s/.*/X'&'/"; }
named='CONCAT("`", REPLACE(%s, "`", "``"), "`")'
name() { printf "$named" "$1"; }
"""

# Moves the tables of the database $2 to the database $3, and those of the database $4 to $2, in one statement. $5 is "yes" if that has to
# be done, and "no" if it is done already where there is no database $4. Statements that are under way get a second to end; then their
# sessions are ended. A database without tables is dropped, if it is not the live one.
SWAP = (
    _QUOTING
    + r"""
user=$1 live=$(quoted "$2") aside=$(quoted "$3") incoming=$(quoted "$4")
set_="SET SESSION sql_mode = '', group_concat_max_len = 100000000 /*!80000 , information_schema_stats_expiry = 0 */"
one() { client "$user" -e "$set_; $1"; }
schema="(SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME ="
tables="(SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA ="
clear() { # drops a database that has no table
    one "SELECT CONCAT('DROP DATABASE ', $(name SCHEMA_NAME)) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = $1 AND $tables $1) = 0" |
        client "$user"
}
case $5-$(one "SELECT CONCAT($schema $incoming), $tables $incoming) > 0, $schema $aside))") in
    yes-11?) ;;
    yes-?01) clear "$incoming"; exit 0 ;;
    yes-*) echo "there is no database $4 with tables, and none $3: nothing can be swapped" >&2; exit 1 ;;
    no-1*) ;;
    no-0*) exit 0 ;;
    *) echo "the server does not answer" >&2; exit 1 ;;
esac
fixed=$(one "SELECT GROUP_CONCAT(what SEPARATOR ', ') FROM (
    SELECT TRIGGER_NAME AS what FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA IN ($live, $incoming)
    UNION ALL SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ($live, $incoming) AND TABLE_TYPE <> 'BASE TABLE') f")
[ "$fixed" = NULL ] || {
    echo "$fixed in $2 or $4 does not move with the tables, so nothing was moved; drop it, then run again" >&2
    exit 1
}
one "SELECT CONCAT('CREATE DATABASE IF NOT EXISTS ', $(name $aside), ' CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ',
    DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = $live" | client "$user"
move() {
    one "SELECT CONCAT('SET SESSION lock_wait_timeout = 1; RENAME TABLE ', GROUP_CONCAT(CONCAT($(name TABLE_SCHEMA), '.',
        $(name TABLE_NAME), ' TO ', IF(TABLE_SCHEMA = $live, $(name $aside), $(name $live)), '.', $(name TABLE_NAME))
        ORDER BY TABLE_SCHEMA = $incoming, TABLE_NAME SEPARATOR ', '), ';') FROM information_schema.TABLES
        WHERE TABLE_SCHEMA IN ($live, $incoming) AND TABLE_TYPE = 'BASE TABLE' HAVING COUNT(*) > 0" | client "$user"
}
end() {
    one "SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST WHERE DB IN ($live, $incoming) AND ID <> CONNECTION_ID()" |
        client "$user" --force 2>/dev/null || :
}
for last in no no yes; do
    if said=$(move 2>&1) && [ "$(one "SELECT $tables $incoming)")" = 0 ]; then
        clear "$incoming"
        exit 0
    fi
    case $said in *' 1205 '*) ;; *) last=yes ;; esac
    [ "$last" = no ] || break
    end
done
clear "$aside"
echo "$said" >&2
exit 1
"""
)

# Moves AUTO_INCREMENT of the tables of the database $3 at least as far as in those of the database $2.
NUMBERS = (
    _QUOTING
    + r"""
client "$1" -e "SET SESSION sql_mode = '' /*!80000 , information_schema_stats_expiry = 0 */; SELECT CONCAT('ALTER TABLE ',
    $(name n.TABLE_SCHEMA), '.', $(name n.TABLE_NAME), ' AUTO_INCREMENT = ', o.AUTO_INCREMENT, ';')
FROM information_schema.TABLES o JOIN information_schema.TABLES n ON n.TABLE_NAME = o.TABLE_NAME
WHERE o.TABLE_SCHEMA = $(quoted "$2") AND n.TABLE_SCHEMA = $(quoted "$3") AND n.ENGINE = 'InnoDB'
AND o.AUTO_INCREMENT > n.AUTO_INCREMENT" | client "$1"
"""
)
