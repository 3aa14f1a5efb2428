#include "forward/admission.h"

#include <netinet/in.h>

#include "forward/refuse.h"
#include "forward/session_life.h"
#include "forward/worker.h"

static bool may_enter(const struct policy *policy, const struct packet *packet) {
    struct ip_address client = flow_src(&packet->key);
    const struct access_address address = {
        .high = rte_be_to_cpu_64(client.half[0]),
        .low = rte_be_to_cpu_64(client.half[1]),
    };

    return access_list_allows(policy->access, address);
}

enum drop_reason admission_ask(struct worker *worker, const struct policy *policy,
                               const struct packet *packet) {
    uint32_t per_source = policy->new_sessions_per_source_per_s;
    const struct quota_use *quota = &policy->quota;

    if (!may_enter(policy, packet))
        return DROP_ACCESS_LIST;
    if (per_source != 0 && !source_limit_take(&worker->dataplane->source_limits, &packet->key,
                                              per_source, worker->now_ms))
        return DROP_SOURCE_LIMIT;
    if (quota->quota == NULL)
        return DROP_NONE;
    if (!quota_session_begin(quota, worker->id))
        return DROP_SESSION_LIMIT;
    if (quota_take(quota, worker->id, QUOTA_NEW_SESSIONS, 1, true, worker->now_ms))
        return DROP_NONE;
    quota_session_over(quota, worker->id);
    return DROP_NEW_SESSION_LIMIT;
}

void admission_withdraw(struct worker *worker, const struct policy *policy) {
    if (policy->quota.quota != NULL)
        quota_session_over(&policy->quota, worker->id);
}

void admission_over(struct worker *worker, const struct session *session) {
    admission_withdraw(worker, snapshot_policy(worker->snapshot, session->target));
}

void admission_taken_over(struct worker *worker, const struct session *session) {
    const struct quota_use *use = &snapshot_policy(worker->snapshot, session->target)->quota;

    if (use->quota != NULL)
        quota_sessions_set(use, worker->id, use->quota->cells[worker->id].sessions + 1);
}

/* Several services may share a limit, so all of its targets are added up before it is told. */
void admission_recount(struct worker *worker, const struct snapshot *snapshot) {
    for (uint32_t i = 0; i < snapshot->quota_count; i++)
        snapshot->quotas[i]->cells[worker->id].recount = 0;
    for (uint32_t target = 0; target < snapshot->target_count; target++) {
        const struct quota_use *use = &snapshot_policy(snapshot, target)->quota;

        if (use->quota != NULL)
            use->quota->cells[worker->id].recount += worker->rs[target].sessions_active;
    }
    for (uint32_t i = 0; i < snapshot->service_count; i++) {
        const struct quota_use *use = &snapshot->policies[i + 1].quota;

        if (use->quota != NULL)
            quota_sessions_set(use, worker->id, use->quota->cells[worker->id].recount);
    }
}

static bool has_bandwidth(struct worker *worker, const struct packet *packet, session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);
    const struct policy *policy = snapshot_policy(worker->snapshot, session->target);

    return policy->quota.quota == NULL ||
           quota_take(&policy->quota, worker->id, (enum quota_rate)session_direction(ref),
                      packet->l3_len, policy->high_priority, worker->now_ms);
}

/* A client whose RS is gone is told at its next packet, which has the sequence numbers both ends
 * expect. Its own RST goes on to the RS: it answers a challenge (RFC 5961 3.2) to ours. */
static bool ends_with_its_rs(const struct worker *worker, const struct packet *packet,
                             session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);

    return worker->snapshot->targets[session->target].reset_removed &&
           session_direction(ref) == FROM_CLIENT && (packet->tcp_flags & TCP_RST) == 0;
}

static bool is_later_fragment(const struct packet *packet) {
    return packet->kind == PACKET_FRAGMENT && packet_fragment_offset(packet) != 0;
}

enum drop_reason admission_packet(struct worker *worker, const struct rte_mbuf *mbuf,
                                  const struct packet *packet, session_ref ref) {
    if (ends_with_its_rs(worker, packet, ref)) {
        if (is_later_fragment(packet))
            return DROP_RS_REMOVED; /* it has no numbers to tell anybody with */
        if (flow_protocol(&packet->key) == IPPROTO_TCP)
            refuse_session(worker, mbuf, packet, ref);
        else
            session_end(worker, ref >> 1);
        return DROP_RS_REMOVED;
    }
    return has_bandwidth(worker, packet, ref) ? DROP_NONE : DROP_BANDWIDTH_LIMIT;
}
