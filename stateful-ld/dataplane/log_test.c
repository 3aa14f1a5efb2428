/* Lines as people and programs read them. */
#include "log.h"

#include <stdio.h>

#include "testing/test.h"

static char *text;
static size_t bytes;
static FILE *stream;

static int set_up(void **state) {
    (void)state;
    stream = open_memstream(&text, &bytes);
    assert_non_null(stream);
    return rte_openlog_stream(stream);
}

static int tear_down(void **state) {
    (void)state;
    assert_true(log_set_level("info"));
    assert_true(log_set_format("text"));
    rte_openlog_stream(NULL);
    fclose(stream);
    free(text);
    return 0;
}

static void text_is_for_people(void **state) {
    (void)state;
    log_warning("port: %u queues", 3);
    log_debug("of no interest");
    fflush(stream);
    assert_string_equal(text, "sluice-ld: warning: port: 3 queues\n");
}

static void json_is_for_programs(void **state) {
    unsigned long long time_ms;
    int level, pid, used = 0;

    (void)state;
    assert_true(log_set_format("json"));
    log_error("RS \"a\\b\" of\n%s", "bl\xc3\xa5");
    fflush(stream);
    assert_int_equal(sscanf(text,
                            "{\"level\":%d,\"time\":%llu,\"pid\":%d,\"name\":\"sluice-ld\",%n",
                            &level, &time_ms, &pid, &used),
                     3);
    assert_int_equal(level, 50);
    assert_true(time_ms > 1700000000000ULL);
    assert_string_equal(text + used, "\"msg\":\"RS \\\"a\\\\b\\\" of\\u000abl\xc3\xa5\"}\n");
}

static void a_level_is_a_least(void **state) {
    (void)state;
    assert_true(log_set_level("error"));
    log_warning("not now");
    assert_false(log_set_level("loud"));
    assert_false(log_set_format("xml"));
    fflush(stream);
    assert_int_equal(bytes, 0);
}

/* What does not fit is cut, also when each character becomes six. */
static void long_lines_are_cut(void **state) {
    char long_message[4000];

    (void)state;
    memset(long_message, 1, sizeof(long_message) - 1);
    long_message[sizeof(long_message) - 1] = '\0';
    assert_true(log_set_format("json"));
    log_info("%s", long_message);
    fflush(stream);
    assert_in_range(bytes, 6 * 1023, 6 * 1023 + 200);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(text_is_for_people),
        CASE(json_is_for_programs),
        CASE(a_level_is_a_least),
        CASE(long_lines_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
