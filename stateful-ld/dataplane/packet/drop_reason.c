#include "packet/drop_reason.h"

const char *drop_reason_name(enum drop_reason reason) {
    static const char *const names[DROP_REASON_COUNT] = { [DROP_NONE] = "none",
#define DROP_NAME(suffix, name) [DROP_##suffix] = name,
                                                          DROP_REASONS(DROP_NAME)
#undef DROP_NAME
    };

    return reason < DROP_REASON_COUNT ? names[reason] : "unknown";
}
