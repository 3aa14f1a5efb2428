#include "forward/session_opening.h"

#include <netinet/in.h>

#include <rte_branch_prediction.h>

#include "forward/admission.h"
#include "forward/alter.h"
#include "forward/cookie.h"
#include "forward/rs_share.h"
#include "forward/scheduler.h"
#include "forward/session_life.h"
#include "forward/worker.h"
#include "packet/bucket.h"

/* The tuple an RS answers with, while its local side is being chosen. */
struct candidate {
    const struct session_table *sessions;
    struct ip_address rs;
    rte_be16_t rs_port;
    struct flow_key from_rs;
};

static void set_local_end(struct candidate *candidate, const struct local_port *port) {
    const uint32_t ports = FLOW_PAIR(uint32_t, candidate->rs_port, rte_cpu_to_be_16(port->port));

    flow_set_addresses(&candidate->from_rs, &candidate->rs, &port->address);
    flow_set_ports(&candidate->from_rs, &ports);
}

/* What comes to it by UDP is a tunnel's, to every switch on the way (RFC 7348, section 5): no
 * answer of an RS would find its way. */
static bool is_tunnels(const struct candidate *candidate, uint16_t port) {
    return port == UDP_PORT_VXLAN && flow_protocol(&candidate->from_rs) == IPPROTO_UDP;
}

/* A port is free towards an RS when no session has the tuple. The table is the only judge of it,
 * so a port is never given twice, whatever happens to the order ports are tried in. */
static bool is_free(void *context, const struct local_port *port) {
    struct candidate *candidate = context;

    if (is_tunnels(candidate, port->port))
        return false;
    set_local_end(candidate, port);
    return session_find(candidate->sessions, &candidate->from_rs,
                        session_hash(candidate->sessions, &candidate->from_rs)) == 0;
}

/* What this LD gives out of a bucket, at the local IPs whose packets the port brings to this
 * worker, where it does. */
static struct local_port_range own_ports(const struct worker *worker, enum ip_family family,
                                         uint16_t bucket) {
    const struct snapshot *snapshot = worker->snapshot;
    uint64_t slots = snapshot->local_ips[family].slots;

    return (struct local_port_range){
        .slots = snapshot->local_ips_shared[family] ? slots & worker->local_ip_share : slots,
        .shares = cluster_port_shares(&snapshot->cluster, bucket),
    };
}

/* All of it but the local side. */
static void set_rs(struct candidate *candidate, const struct worker *worker,
                   const struct target *target, const struct packet *packet) {
    candidate->sessions = &worker->sessions;
    candidate->rs = target->address;
    candidate->rs_port = target->port;
    candidate->from_rs.vni_protocol = flow_vni_protocol(target->vni, flow_protocol(&packet->key));
}

static bool take_port(struct worker *worker, const struct target *target,
                      const struct packet *packet, struct candidate *candidate, int *tries,
                      struct local_port *port) {
    enum ip_family family = ip_family(&target->address);

    set_rs(candidate, worker, target, packet);
    return local_port_take(&worker->ports[family], &worker->snapshot->local_ips[family],
                           own_ports(worker, family, packet->bucket), packet->bucket, is_free,
                           candidate, tries, port);
}

/* The port that take_port() will try first is free, most of the time: ask for what says so. */
static void prefetch_port(const struct worker *worker, const struct target *target,
                          const struct packet *packet) {
    enum ip_family family = ip_family(&target->address);
    struct candidate candidate = { 0 };
    struct local_port port;
    uint32_t hash;

    if (!local_port_first(&worker->ports[family], &worker->snapshot->local_ips[family],
                          own_ports(worker, family, packet->bucket), packet->bucket, &port))
        return;
    set_rs(&candidate, worker, target, packet);
    set_local_end(&candidate, &port);
    hash = session_hash(&worker->sessions, &candidate.from_rs);
    session_index_prefetch(&worker->sessions.index, hash);
    time_wait_prefetch(&worker->time_wait, hash);
}

/* Choose an RS that has a port left for us: the scheduler's choice first, then others, as far as
 * one packet may look: where ports run out towards many RSs, whoever sends SYNs would have the
 * worker do nothing else. */
static enum drop_reason choose(struct worker *worker, const struct opening *opening,
                               const struct packet *packet, struct candidate *candidate,
                               struct local_port *port, uint32_t *target) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct service *service = opening->service;
    const struct choice *choices = &snapshot->choices[service->first_choice];
    int tries = LOCAL_PORT_TRIES_MAX;
    int chosen = opening->choice == CHOICE_LATER ? scheduler_choose(worker, service, &packet->key)
                                                 : opening->choice;

    if (chosen < 0)
        return DROP_NO_RS_AVAILABLE;
    for (uint32_t i = 0; i < service->choices && tries > 0; i++) {
        const struct choice *choice = &choices[((uint32_t)chosen + i) % service->choices];

        if (choice->weight == 0 || rs_share_of(worker->dataplane->rs_shares, choice->target) == 0)
            continue;
        *target = choice->target;
        if (take_port(worker, &snapshot->targets[choice->target], packet, candidate, &tries, port))
            return DROP_NONE;
    }
    __atomic_store_n(&worker->without_port, *target + 1, __ATOMIC_RELAXED);
    return DROP_NO_LOCAL_PORT;
}

static bool is_local_ip(const struct snapshot *snapshot, const struct packet *packet) {
    struct ip_address address = flow_dst(&packet->key);

    return snapshot_is_local_ip(snapshot, &address);
}

/* A bucket's primary, and its backup for as long as the switch sends it the bucket's packets. */
static bool serves(const struct worker *worker, uint16_t bucket) {
    const struct snapshot *snapshot = worker->snapshot;

    return snapshot_owns(snapshot, bucket) ||
           (snapshot->cluster.replicates && cluster_backs_up(&snapshot->cluster, bucket));
}

bool session_bucket_is_whole(const struct worker *worker, uint16_t bucket) {
    return !worker->snapshot->cluster.replicates ||
           (replicate_is_online(&worker->dataplane->replication, worker->now_ms) &&
            !gained_lacks(worker, bucket));
}

/* Why a packet without a session may not open one. */
static enum drop_reason may_open(const struct worker *worker, const struct packet *packet,
                                 const struct service **service) {
    const struct snapshot *snapshot = worker->snapshot;

    if (!serves(worker, packet->bucket))
        return DROP_BUCKET_NOT_OWNED;
    *service = snapshot_service(snapshot, &packet->key);
    if (*service == NULL)
        return is_local_ip(snapshot, packet) ? DROP_NO_SESSION : DROP_NO_SERVICE;
    if (flow_protocol(&packet->key) == IPPROTO_TCP &&
        (packet->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
        return DROP_NOT_SYN;
    if (!session_bucket_is_whole(worker, packet->bucket))
        return DROP_NOT_ONLINE;
    return flow_source_valid(&packet->key) ? DROP_NONE : DROP_BAD_IP_SOURCE;
}

static void set_way_back(const struct worker *worker, struct session *session,
                         const struct packet *packet) {
    uint8_t entry = snapshot_return_tunnel(worker->snapshot, packet);

    session->by_entry = entry != 0;
    session->return_tunnel = entry != 0 ? (uint8_t)(entry - 1) : 0;
}

static const struct policy *policy_of(const struct worker *worker, const struct service *service) {
    return &worker->snapshot->policies[service - worker->snapshot->services + 1];
}

static struct opening ask(struct worker *worker, const struct packet *packet) {
    struct opening opening = { .choice = CHOICE_LATER };

    opening.reason = may_open(worker, packet, &opening.service);
    if (opening.reason == DROP_NONE &&
        unlikely(cookie_wanted(worker, policy_of(worker, opening.service), packet)))
        opening.reason = DROP_SYN_COOKIE;
    return opening;
}

struct opening session_foresee(struct worker *worker, const struct packet *packet) {
    const struct snapshot *snapshot = worker->snapshot;
    struct opening opening = ask(worker, packet);
    const struct service *service = opening.service;

    if (opening.reason != DROP_NONE || !scheduler_foresees(service))
        return opening;
    opening.choice = scheduler_choose(worker, service, &packet->key);
    if (likely(opening.choice >= 0)) {
        uint32_t choice = service->first_choice + (uint32_t)opening.choice;

        prefetch_port(worker, &snapshot->targets[snapshot->choices[choice].target], packet);
    }
    return opening;
}

enum drop_reason session_admit(struct worker *worker, const struct packet *packet,
                               const struct opening *opening, session_ref *ref) {
    struct opening asked;

    if (unlikely(opening == NULL)) {
        asked = ask(worker, packet);
        opening = &asked;
    }
    return opening->reason == DROP_NONE ? session_start(worker, opening, packet, ref)
                                        : opening->reason;
}

enum drop_reason session_start(struct worker *worker, const struct opening *opening,
                               const struct packet *packet, session_ref *ref) {
    const struct policy *policy = policy_of(worker, opening->service);
    struct candidate candidate;
    struct local_port port;
    struct session *session;
    uint32_t number, target = 0;
    enum drop_reason reason;

    if (unlikely(worker->sessions.active == worker->sessions.capacity))
        return DROP_SESSION_TABLE_FULL;
    reason = admission_ask(worker, policy, packet);
    if (unlikely(reason != DROP_NONE))
        return reason;
    reason = choose(worker, opening, packet, &candidate, &port, &target);
    if (unlikely(reason != DROP_NONE)) {
        admission_withdraw(worker, policy);
        return reason;
    }
    number = session_open(&worker->sessions, &packet->key, &candidate.from_rs);
    session = &worker->sessions.sessions[number];
    session->target = (uint16_t)target;
    session->bucket = packet->bucket;
    session->local_slot = port.slot;
    set_way_back(worker, session, packet);
    session->alter = alter_of(policy, &packet->key);
    if (flow_protocol(&packet->key) == IPPROTO_TCP &&
        time_wait_find(&worker->time_wait, session_hash(&worker->sessions, &candidate.from_rs),
                       worker->now_ms, &session->numbers.client_end))
        session->alter |= ALTER_SYN;
    session->created_ms = worker->now_ms;
    session->last_seen_ms = (uint32_t)worker->now_ms;
    session->state = flow_protocol(&packet->key) == IPPROTO_TCP ? STATE_SYN_SENT : STATE_UDP_ACTIVE;
    session->armed_tick = wheel_arm(&worker->wheel, number, session_deadline_ms(worker, session));
    worker->rs[target].sessions_total++;
    worker->rs[target].sessions_active++;
    counted_begin(worker, session);
    worker->stats.sessions_opened++;
    replicate_mark(worker, number);
    *ref = number << 1 | FROM_CLIENT;
    return DROP_NONE;
}
