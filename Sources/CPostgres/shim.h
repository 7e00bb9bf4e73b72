#ifndef BYRE_CPOSTGRES_SHIM_H
#define BYRE_CPOSTGRES_SHIM_H

#include <libpq-fe.h>

// Characters that Swift does not import as such: libpq's codes for the fields of an error.
// https://www.postgresql.org/docs/15/libpq-exec.html#LIBPQ-PQRESULTERRORFIELD
static const int byre_diag_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int byre_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int byre_diag_message = PG_DIAG_MESSAGE_PRIMARY;

#endif
