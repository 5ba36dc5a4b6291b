/* Finding and reading a ledger. */
#ifndef TT_CLI_LEDGER_FILE_H
#define TT_CLI_LEDGER_FILE_H

#include <limits.h>
#include <stdint.h>

#include "cli/cli.h"
#include "ledger/ledger.h"

struct ledger_file {
    char path[PATH_MAX];
    void *bytes;
    uint64_t byte_count;
    struct tt_ledger *ledger; /* borrows bytes */
};

/* path NULL: the newest ledger of this user, by tactusd's word or by looking into the folders where
 * it keeps them. CLI_DONE, or CLI_UNREACHABLE with the reason told. */
int ledger_file_open(struct cli *cli, const char *path, struct ledger_file *ret);
void ledger_file_close(struct ledger_file *file);

#endif
