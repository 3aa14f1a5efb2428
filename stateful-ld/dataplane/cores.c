#include "cores.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

enum {
    LIST_BYTES = 512,
    LINE_BYTES = 1024,
    NAME_BYTES = 64,
};

/* Programs that may run on some CPUs, and one of them by name. */
struct programs {
    uint32_t count;
    char example[NAME_BYTES];
};

void cores_read(struct cores *cores) {
    unsigned lcore;

    *cores = (struct cores){ .control = rte_get_main_lcore() };
    cores->control_cpus = rte_lcore_cpuset(cores->control);
    RTE_LCORE_FOREACH_WORKER (lcore) {
        cores->worker[cores->workers] = lcore;
        cores->worker_cpus[cores->workers++] = rte_lcore_cpuset(lcore);
    }
}

static const char *parse_number(const char *text, unsigned *number) {
    char *end;
    unsigned long value = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : ULONG_MAX;

    if (value >= CPU_SETSIZE)
        return NULL;
    *number = (unsigned)value;
    return end;
}

bool cores_parse_list(const char *text, rte_cpuset_t *cpus) {
    CPU_ZERO(cpus);
    if (*text == '\0' || *text == '\n')
        return true;
    for (;; text++) {
        unsigned first, last;

        text = parse_number(text, &first);
        last = first;
        if (text != NULL && *text == '-')
            text = parse_number(text + 1, &last);
        if (text == NULL || last < first)
            return false;
        for (unsigned cpu = first; cpu <= last; cpu++)
            CPU_SET(cpu, cpus);
        if (*text == '\0' || *text == '\n')
            return true;
        if (*text != ',')
            return false;
    }
}

/* What does not fit is left out. */
static void write_list(const rte_cpuset_t *cpus, char text[LIST_BYTES]) {
    size_t used = 0;

    snprintf(text, LIST_BYTES, "none");
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && used < LIST_BYTES; cpu++) {
        unsigned last = cpu;

        if (!CPU_ISSET(cpu, cpus))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
            last++;
        used += (size_t)snprintf(text + used, LIST_BYTES - used, last > cpu ? "%s%u-%u" : "%s%u",
                                 used != 0 ? "," : "", cpu, last);
        cpu = last;
    }
}

static bool meet(const rte_cpuset_t *a, const rte_cpuset_t *b) {
    rte_cpuset_t both;

    CPU_AND(&both, a, b);
    return CPU_COUNT(&both) != 0;
}

/* Add the list in a file, if there is one, to a set. */
static void add_file(rte_cpuset_t *cpus, const char *root, const char *path) {
    char name[PATH_MAX], line[LINE_BYTES];
    rte_cpuset_t listed;
    FILE *file;

    snprintf(name, sizeof(name), "%s%s", root, path);
    file = fopen(name, "r");
    if (file == NULL)
        return;
    if (fgets(line, sizeof(line), file) != NULL && cores_parse_list(line, &listed))
        CPU_OR(cpus, cpus, &listed);
    fclose(file);
}

/* What proc(5) says of a process: threads of the kernel have no memory of their own. */
static bool may_run_on(FILE *status, const rte_cpuset_t *cpus, char name[NAME_BYTES]) {
    char line[LINE_BYTES];
    bool is_program = false;
    rte_cpuset_t allowed;

    while (fgets(line, sizeof(line), status) != NULL) {
        (void)sscanf(line, "Name:\t%63[^\n]", name);
        is_program |= strncmp(line, "VmSize:", strlen("VmSize:")) == 0;
        if (strncmp(line, "Cpus_allowed_list:\t", strlen("Cpus_allowed_list:\t")) == 0)
            return is_program &&
                   cores_parse_list(line + strlen("Cpus_allowed_list:\t"), &allowed) &&
                   meet(&allowed, cpus);
    }
    return false;
}

static struct programs programs_on(const rte_cpuset_t *cpus, const char *root) {
    struct programs found = { 0 };
    char path[PATH_MAX], name[NAME_BYTES] = "";
    struct dirent *entry;
    DIR *proc;

    snprintf(path, sizeof(path), "%s/proc", root);
    proc = opendir(path);
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        FILE *status;

        if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == getpid())
            continue;
        snprintf(path, sizeof(path), "%s/proc/%s/status", root, entry->d_name);
        status = fopen(path, "r");
        if (status == NULL)
            continue; /* it has ended */
        if (may_run_on(status, cpus, name) && found.count++ == 0)
            strcpy(found.example, name);
        fclose(status);
    }
    if (proc != NULL)
        closedir(proc);
    return found;
}

static void warn_of_lcores(const struct cores *cores) {
    for (uint32_t i = 0; i < cores->workers; i++) {
        const rte_cpuset_t *cpus = &cores->worker_cpus[i];
        char list[LIST_BYTES];

        write_list(cpus, list);
        if (meet(cpus, &cores->control_cpus))
            log_warning("lcores: %u, a worker, may run on a CPU of control (lcore %u), and workers "
                        "never sleep: heartbeats will be late (give each a CPU of its own, or "
                        "--idle-sleep-us)",
                        cores->worker[i], cores->control);
        if (CPU_COUNT(cpus) != 1)
            log_warning("lcores: %u, a worker, may run on CPUs %s: it will be moved about (give it "
                        "one)",
                        cores->worker[i], list);
        for (uint32_t j = 0; j < i; j++)
            if (meet(cpus, &cores->worker_cpus[j]))
                log_warning("lcores: %u and %u, workers that never sleep, may share a CPU (give "
                            "each one of its own)",
                            cores->worker[j], cores->worker[i]);
    }
}

static void warn_of_programs(const rte_cpuset_t *workers, const char *root) {
    const struct programs programs = programs_on(workers, root);
    char list[LIST_BYTES];

    write_list(workers, list);
    if (programs.count != 0)
        log_warning("lcores: %u other programs, such as %s, may run on the workers' CPUs (%s), and "
                    "take packets from them (isolcpus= and nohz_full= for the kernel, or a cpuset "
                    "partition)",
                    programs.count, programs.example, list);
}

/* The CPUs of @p of that are not in @p without. */
static rte_cpuset_t difference(const rte_cpuset_t *of, const rte_cpuset_t *without) {
    rte_cpuset_t rest;

    CPU_XOR(&rest, of, without);
    CPU_AND(&rest, &rest, of);
    return rest;
}

/* Boot parameters, and partitions of cgroup v2, which the kernel lists elsewhere. */
static void warn_of_kernel(const rte_cpuset_t *workers, const char *root) {
    rte_cpuset_t isolated, tickless, rest;
    char list[LIST_BYTES];

    CPU_ZERO(&isolated);
    CPU_ZERO(&tickless);
    add_file(&isolated, root, "/sys/devices/system/cpu/isolated");
    add_file(&isolated, root, "/sys/fs/cgroup/cpuset.cpus.isolated");
    add_file(&tickless, root, "/sys/devices/system/cpu/nohz_full");
    rest = difference(workers, &isolated);
    write_list(&rest, list);
    if (CPU_COUNT(&rest) != 0)
        log_warning(
            "lcores: CPUs %s of workers are not isolated: the kernel balances its load over "
            "them (isolcpus=, or a cpuset partition of type isolated)",
            list);
    rest = difference(workers, &tickless);
    write_list(&rest, list);
    if (CPU_COUNT(&rest) != 0)
        log_info("lcores: CPUs %s of workers have the timer's tick (nohz_full= and rcu_nocbs= for "
                 "the kernel take it away)",
                 list);
}

void cores_report(const struct cores *cores, const char *root, bool sleep) {
    char control[LIST_BYTES], list[LIST_BYTES];
    rte_cpuset_t workers;

    CPU_ZERO(&workers);
    for (uint32_t i = 0; i < cores->workers; i++)
        CPU_OR(&workers, &workers, &cores->worker_cpus[i]);
    write_list(&cores->control_cpus, control);
    write_list(&workers, list);
    log_info("lcores: control on CPUs %s, workers on CPUs %s", control, list);
    if (sleep)
        return;
    warn_of_lcores(cores);
    warn_of_programs(&workers, root);
    warn_of_kernel(&workers, root);
}
