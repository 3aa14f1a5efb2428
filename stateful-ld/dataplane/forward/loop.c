#include "forward/loop.h"

#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "forward/worker.h"

uint64_t clock_ms(void) {
    static uint64_t cycles_per_ms;

    if (cycles_per_ms == 0)
        cycles_per_ms = rte_get_tsc_hz() / 1000;
    return rte_rdtsc() / cycles_per_ms;
}

static void idle(uint32_t sleep_us) {
    const struct timespec nap = { .tv_nsec = (long)sleep_us * 1000 };

    if (sleep_us != 0)
        nanosleep(&nap, NULL);
    else
        rte_pause();
}

void loop_run(struct worker *worker, const struct loop_options *options) {
    struct rte_rcu_qsbr *rcu = worker->dataplane->rcu;

    worker_of_this_thread = worker;
    /* A short sleep is to be short: the kernel's default slack alone is 50 us. */
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    rte_rcu_qsbr_thread_register(rcu, worker->id);
    rte_rcu_qsbr_thread_online(rcu, worker->id);
    while (!*options->stop) {
        if (worker_poll(worker, clock_ms()) == 0)
            idle(options->idle_sleep_us);
        rte_rcu_qsbr_quiescent(rcu, worker->id);
    }
    rte_rcu_qsbr_thread_offline(rcu, worker->id);
    rte_rcu_qsbr_thread_unregister(rcu, worker->id);
}
