#ifndef BYRE_CSQLITE_SHIM_H
#define BYRE_CSQLITE_SHIM_H

#include <sqlite3.h>

// `sqlite3_db_config` is variadic, which Swift cannot call. For the options that take a flag.
// https://www.sqlite.org/c3ref/db_config.html
static inline int byre_sqlite3_db_config_flag(sqlite3 *db, int option, int value) {
    return sqlite3_db_config(db, option, value, (int *)0);
}

// `sqlite3_config` is variadic, too. For the options that take a flag.
// https://www.sqlite.org/c3ref/config.html
static inline int byre_sqlite3_config_flag(int option, int value) {
    return sqlite3_config(option, value);
}

// A macro with a cast, which Swift does not import: SQLite copies what is bound.
// https://www.sqlite.org/c3ref/c_static.html
static inline sqlite3_destructor_type byre_sqlite3_transient(void) {
    return SQLITE_TRANSIENT;
}

#endif
