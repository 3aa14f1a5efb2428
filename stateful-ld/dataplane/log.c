#include "log.h"

#include <string.h>

#include <rte_common.h>

RTE_LOG_REGISTER(log_type, sluice, INFO)

bool log_set_level(const char *name) {
    static const struct {
        const char *name;
        uint32_t level;
    } levels[] = {
        { "error", RTE_LOG_ERR },
        { "warning", RTE_LOG_WARNING },
        { "info", RTE_LOG_INFO },
        { "debug", RTE_LOG_DEBUG },
    };

    for (size_t i = 0; i < RTE_DIM(levels); i++)
        if (strcmp(levels[i].name, name) == 0)
            return rte_log_set_level((uint32_t)log_type, levels[i].level) == 0;
    return false;
}
