/* What the log says of lcores that are not alone on their CPUs. The machine is a folder of the
 * test's. */
#include "cores.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "testing/test.h"

static char *text;
static size_t bytes;
static FILE *stream;
static char root[sizeof("/tmp/cores_test.XXXXXX")];

static const char *const folders[] = { "/sys",
                                       "/sys/devices",
                                       "/sys/devices/system",
                                       "/sys/devices/system/cpu",
                                       "/sys/fs",
                                       "/sys/fs/cgroup",
                                       "/proc",
                                       "/proc/1",
                                       "/proc/2",
                                       "/proc/77" };
static const char isolated[] = "/sys/devices/system/cpu/isolated";
static const char partitions[] = "/sys/fs/cgroup/cpuset.cpus.isolated";
static const char tickless[] = "/sys/devices/system/cpu/nohz_full";
static const char kernel_thread[] = "/proc/2/status", program[] = "/proc/77/status";

static void write_file(const char *path, const char *content) {
    char name[256];
    FILE *file;

    snprintf(name, sizeof(name), "%s%s", root, path);
    file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *path) {
    char name[256];

    snprintf(name, sizeof(name), "%s%s", root, path);
    (void)remove(name);
}

static int set_up(void **state) {
    (void)state;
    strcpy(root, "/tmp/cores_test.XXXXXX");
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < RTE_DIM(folders); i++) {
        char name[256];

        snprintf(name, sizeof(name), "%s%s", root, folders[i]);
        assert_int_equal(mkdir(name, 0700), 0);
    }
    write_file(isolated, "2-3\n");
    write_file(tickless, "2-3\n");
    write_file("/proc/1/status", "Name:\tinit\nVmSize:\t  9 kB\nCpus_allowed_list:\t0-1\n");
    write_file(kernel_thread, "Name:\tkthreadd\nCpus_allowed_list:\t0-3\n");
    stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    return rte_openlog_stream(stream);
}

static int tear_down(void **state) {
    const char *const files[] = { isolated,         partitions,    tickless,
                                  "/proc/1/status", kernel_thread, program };

    (void)state;
    for (size_t i = 0; i < RTE_DIM(files); i++)
        remove_file(files[i]);
    for (size_t i = RTE_DIM(folders); i > 0; i--)
        remove_file(folders[i - 1]);
    remove_file("");
    rte_openlog_stream(NULL);
    fclose(stream);
    free(text);
    return 0;
}

/* Two workers, on the CPUs that the lists name. @return what the log says behind its first line */
static const char *report(const char *control, const char *first, const char *second, bool sleep) {
    struct cores cores = { .control = 0, .workers = 2, .worker = { 5, 6 } };
    const char *rest;

    assert_true(cores_parse_list(control, &cores.control_cpus));
    assert_true(cores_parse_list(first, &cores.worker_cpus[0]));
    assert_true(cores_parse_list(second, &cores.worker_cpus[1]));
    cores_report(&cores, root, sleep);
    fflush(stream);
    rest = strchr(text, '\n');
    assert_non_null(rest);
    return rest + 1;
}

static void says_where_all_run(void **state) {
    (void)state;
    assert_string_equal(report("0-1", "2", "3", false), "");
    assert_string_equal(text,
                        "sluice-ld: info: lcores: control on CPUs 0-1, workers on CPUs 2-3\n");
}

static void workers_share_with_nobody_of_the_program(void **state) {
    const char *said = report("1-2", "2,3", "3", false);

    (void)state;
    assert_non_null(strstr(said, "warning: lcores: 5, a worker, may run on a CPU of control"));
    assert_non_null(strstr(said, "warning: lcores: 5, a worker, may run on CPUs 2-3: "));
    assert_non_null(strstr(said, "warning: lcores: 5 and 6, workers that never sleep"));
    assert_null(strstr(said, "lcores: 6, a worker"));
}

static void other_programs_are_counted_and_named(void **state) {
    const char *said;

    (void)state;
    write_file(program, "Name:\tcron job\nVmSize:\t  9 kB\nCpus_allowed_list:\t1,3\n");
    said = report("0", "2", "3", false);
    assert_non_null(strstr(said, "warning: lcores: 1 other programs, such as cron job, may run on "
                                 "the workers' CPUs (2-3)"));
}

static void threads_of_the_kernel_are_no_programs(void **state) {
    (void)state;
    write_file(program, "Name:\trcu\nCpus_allowed_list:\t3\n");
    assert_string_equal(report("0", "2", "3", false), "");
}

static void cpus_that_are_not_isolated(void **state) {
    const char *said;

    (void)state;
    write_file(isolated, "\n");
    write_file(partitions, "3\n");
    write_file(tickless, "(null)\n"); /* as some kernels say it */
    said = report("0", "2", "3", false);
    assert_non_null(strstr(said, "warning: lcores: CPUs 2 of workers are not isolated"));
    assert_non_null(strstr(said, "info: lcores: CPUs 2-3 of workers have the timer's tick"));
}

/* They leave their CPUs to others: on purpose, as in a lab. */
static void workers_that_sleep_may_share(void **state) {
    (void)state;
    write_file(isolated, "");
    assert_string_equal(report("0-3", "0-3", "0-3", true), "");
}

static void lists_of_cpus(void **state) {
    const char *const wrong[] = { "a", "1-", "-1", "1,", "3-1", "1 2", "99999", "1-99999" };
    rte_cpuset_t cpus;

    (void)state;
    assert_true(cores_parse_list("0-2,8\n", &cpus));
    assert_int_equal(CPU_COUNT(&cpus), 4);
    assert_true(CPU_ISSET(0, &cpus) && CPU_ISSET(1, &cpus) && CPU_ISSET(2, &cpus));
    assert_true(CPU_ISSET(8, &cpus));
    assert_true(cores_parse_list("\n", &cpus));
    assert_int_equal(CPU_COUNT(&cpus), 0);
    for (size_t i = 0; i < RTE_DIM(wrong); i++)
        assert_false(cores_parse_list(wrong[i], &cpus));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(says_where_all_run),
        CASE(workers_share_with_nobody_of_the_program),
        CASE(other_programs_are_counted_and_named),
        CASE(threads_of_the_kernel_are_no_programs),
        CASE(cpus_that_are_not_isolated),
        CASE(workers_that_sleep_may_share),
        CASE(lists_of_cpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
