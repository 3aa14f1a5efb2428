#include "forward/fullnat.h"

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "forward/admission.h"
#include "forward/alter.h"
#include "forward/cookie.h"
#include "forward/icmp_path.h"
#include "forward/peer.h"
#include "forward/refuse.h"
#include "forward/session_life.h"
#include "forward/session_opening.h"
#include "forward/way_out.h"
#include "forward/worker.h"
#include "packet/rewrite.h"
#include "packet/tcp_mss.h"
#include "packet/translate.h"
#include "probe/probe.h"
#include "replicate/install.h"

/* A client that comes back with the ports of a connection that is over opens a new one, with a
 * local port of its own: the RS may still have the old one in TIME-WAIT. */
static bool replaces(const struct session *session, enum direction direction,
                     const struct packet *packet) {
    return unlikely((packet->tcp_flags & TCP_SYN) != 0) && direction == FROM_CLIENT &&
           (packet->tcp_flags & TCP_ACK) == 0 && tcp_state_over(session->state);
}

static inline enum drop_reason find_session(struct worker *worker, const struct packet *packet,
                                            session_ref guess, const struct opening *opening,
                                            session_ref *found) {
    const struct session_table *table = &worker->sessions;
    session_ref ref = guess;

    /* The guess is from before this burst, in which sessions have come and gone since. */
    if (unlikely(!session_is(table, ref, &packet->key)))
        ref = session_find(table, &packet->key, packet->hash);
    if (unlikely(ref != 0 && replaces(session_at(table, ref), session_direction(ref), packet))) {
        session_end(worker, ref >> 1);
        ref = 0;
    }
    *found = ref;
    return likely(ref != 0) ? DROP_NONE : session_admit(worker, packet, opening, found);
}

static inline void rewrite_tcp(struct rte_tcp_hdr *tcp, const struct rewrite *rewrite,
                               uint16_t mss_max) {
    rewrite_ports(tcp, rewrite);
    tcp->cksum = checksum_update(tcp->cksum, rewrite->address_delta + rewrite->port_delta);
    if (unlikely(tcp->tcp_flags & TCP_SYN))
        tcp_clamp_mss(tcp, mss_max);
}

static inline void rewrite_udp(struct rte_udp_hdr *udp, const struct rewrite *rewrite) {
    rewrite_ports(udp, rewrite);
    udp->dgram_cksum =
        checksum_update_udp(udp->dgram_cksum, rewrite->address_delta + rewrite->port_delta);
}

static inline void rewrite_packet(uint8_t *frame, const struct packet *packet,
                                  const struct session *session, enum direction direction,
                                  uint16_t mss_max) {
    struct rewrite rewrite = rewrite_between(&session->key[direction], &session->key[!direction]);

    rewrite_ip((struct rte_ipv4_hdr *)(frame + packet->l3_off), &rewrite);
    if (likely(flow_protocol(&packet->key) == IPPROTO_TCP))
        rewrite_tcp((struct rte_tcp_hdr *)(frame + packet->l4_off), &rewrite, mss_max);
    else
        rewrite_udp((struct rte_udp_hdr *)(frame + packet->l4_off), &rewrite);
}

/* Finds the way once more: the caller's, of which nobody takes the address, stays in registers. */
static __rte_noinline enum drop_reason too_big(struct worker *worker, struct rte_mbuf *mbuf,
                                               const struct packet *packet, session_ref ref) {
    return icmp_too_big(worker, mbuf, packet, ref, alter_mtu_bytes(worker, packet, ref));
}

/* A packet of a session with IPv6 on one side or both, in place. */
static enum drop_reason rewrite_v6(struct worker *worker, struct rte_mbuf *mbuf,
                                   struct packet *packet, session_ref ref, uint32_t id) {
    const struct flow_key other = session_flow(&worker->sessions, ref ^ 1);
    const struct translation translation = {
        .other = &other,
        .mss_max = worker->snapshot->mss_max_v6,
        .id = id,
    };

    if (!way_make_room(mbuf, packet, TRANSLATE_ROOM_BYTES))
        return DROP_NO_HEADROOM;
    if (packet->kind == PACKET_FRAGMENT && packet_fragment_offset(packet) != 0)
        session_count(worker, ref, packet);
    else
        session_touch(worker, ref, packet);
    return translate_packet(rte_pktmbuf_mtod(mbuf, uint8_t *), packet, &translation);
}

/* The packet of a session with IPv6 on one side or both. */
static enum drop_reason translate_v6(struct worker *worker, struct rte_mbuf *mbuf,
                                     struct packet *packet, session_ref ref, uint32_t id) {
    const struct flow_key other = session_flow(&worker->sessions, ref ^ 1);
    struct way_out way = way_of(worker, ref);
    enum drop_reason reason;

    if (packet->l3_len + translate_growth(packet, &other) > way_mtu_bytes(worker, &way))
        return too_big(worker, mbuf, packet, ref);
    reason = rewrite_v6(worker, mbuf, packet, ref, id);
    if (reason != DROP_NONE)
        return reason;
    return way_send(worker, mbuf, packet, &way, session_at(&worker->sessions, ref)->bucket);
}

/* The other LD has to know when a session's packets need no change any more. */
static enum drop_reason alter(struct worker *worker, struct rte_mbuf *mbuf, struct packet *packet,
                              session_ref ref) {
    uint8_t before = session_at(&worker->sessions, ref)->alter;
    enum drop_reason reason = alter_packet(worker, mbuf, packet, ref);

    if (session_at(&worker->sessions, ref)->alter != before)
        replicate_mark(worker, ref >> 1);
    return reason;
}

enum drop_reason fullnat_rewrite(struct worker *worker, struct rte_mbuf *mbuf,
                                 struct packet *packet, session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);

    if (session_has_v6_side(session))
        return rewrite_v6(worker, mbuf, packet, ref, fragments_next_id(worker));
    session_touch(worker, ref, packet);
    rewrite_packet(rte_pktmbuf_mtod(mbuf, uint8_t *), packet, session, session_direction(ref),
                   worker->snapshot->mss_max);
    return DROP_NONE;
}

/* The other LD of the bucket, or that of the other cluster, may have what this packet is of. */
static bool may_be_known_elsewhere(enum drop_reason reason) {
    return reason == DROP_NO_SESSION || reason == DROP_NOT_SYN || reason == DROP_NO_LOCAL_PORT;
}

/* A packet that is of no session here: to the LD that may have it, or may open it. @return why to
 * none */
static __rte_noinline enum drop_reason give_to_who_knows(struct worker *worker,
                                                         struct rte_mbuf *mbuf,
                                                         const struct packet *packet,
                                                         enum drop_reason reason) {
    bool unknown = may_be_known_elsewhere(reason);
    uint8_t hinted = unknown ? peer_hinted(worker, mbuf, packet) : CLUSTER_NO_LD;

    if (hinted != CLUSTER_NO_LD)
        return peer_send_to(worker, mbuf, packet, hinted);
    if (reason == DROP_BUCKET_NOT_OWNED)
        return peer_pass_on(worker, mbuf, packet);
    if ((unknown && peer_may_know(worker, packet)) ||
        (reason == DROP_NOT_ONLINE && peer_may_open(worker, packet)))
        return peer_ask_partner(worker, mbuf, packet);
    return reason;
}

/* What control waits for, another LD's packet, or one that is refused. */
static __rte_noinline enum drop_reason without_session(struct worker *worker, struct rte_mbuf *mbuf,
                                                       const struct packet *packet,
                                                       enum drop_reason reason) {
    if (reason == DROP_NO_SESSION && probe_answer(worker, mbuf, packet))
        return DROP_NONE;
    /* Before another cluster's LD is asked: that it answers a cookie of ours it cannot know. */
    if (reason == DROP_NOT_SYN) {
        reason = cookie_accept(worker, mbuf, packet);
        if (reason != DROP_NOT_SYN)
            return reason;
    }
    reason = give_to_who_knows(worker, mbuf, packet, reason);
    return reason == DROP_NONE ? DROP_NONE : refuse_packet(worker, mbuf, packet, reason);
}

/* The packet of a session, any. */
static __rte_noinline enum drop_reason translate(struct worker *worker, struct rte_mbuf *mbuf,
                                                 struct packet *packet, session_ref ref) {
    const struct session *session = session_at(&worker->sessions, ref);
    enum drop_reason reason;
    struct way_out way;

    if (unlikely(peer_twin_has(worker, session, session_direction(ref), packet)))
        return peer_give_to_twin(worker, mbuf, packet);
    if (unlikely(worker->snapshot->attentive)) {
        reason = admission_packet(worker, mbuf, packet, ref);
        if (reason != DROP_NONE)
            return reason;
    }
    if (unlikely(alter_is_challenged(session, session_direction(ref), packet)))
        alter_challenged(session_at(&worker->sessions, ref), mbuf, packet);
    if (unlikely(alter_wanted(session, packet))) {
        if (packet->l3_len > alter_mtu_bytes(worker, packet, ref))
            return too_big(worker, mbuf, packet, ref);
        reason = alter(worker, mbuf, packet, ref);
        if (reason != DROP_NONE)
            return reason;
    }
    if (unlikely(session_has_v6_side(session)))
        return translate_v6(worker, mbuf, packet, ref, fragments_next_id(worker));
    way = way_of(worker, ref);
    if (unlikely(packet->l3_len > way_mtu_bytes(worker, &way)))
        return too_big(worker, mbuf, packet, ref);
    session_touch(worker, ref, packet);
    rewrite_packet(rte_pktmbuf_mtod(mbuf, uint8_t *), packet, session, session_direction(ref),
                   worker->snapshot->mss_max);
    return way_send(worker, mbuf, packet, &way, session->bucket);
}

enum {
    /** Where packets without SYN, FIN and RST leave the state as it is. */
    STEADY_STATES = 1 << STATE_ESTABLISHED | 1 << STATE_UDP_ACTIVE,
};

/* Nearly every packet: translate() would change nothing but addresses, ports and counters. */
static inline bool is_steady(const struct worker *worker, const struct session *session,
                             const struct packet *packet) {
    return ((worker->snapshot->attentive | session->alter | (session->replica & REPLICA_STANDBY) |
             (packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))) == 0) &
           (STEADY_STATES >> session->state & 1) & !session_has_v6_side(session);
}

/* The next hop of a packet that leaves without a tunnel; NULL: it does not, or it has to be looked
 * for. No branch on the direction: packets of both come in any order, which no CPU can predict. */
static inline const struct neighbour *
direct_hop(const struct worker *worker, const struct session *session, enum direction direction) {
    const struct snapshot *snapshot = worker->snapshot;
    const struct target *target = &snapshot->targets[session->target];
    const struct flow_short *client = &session->key[FROM_CLIENT];
    bool tunnel[2] = {
        [FROM_CLIENT] = target->in_vpc,
        [FROM_RS] = (client->vni_protocol >> 8 != 0) | session->by_entry |
                    snapshot_on_link(snapshot, client->src),
    };
    const struct neighbour *hop[2] = {
        [FROM_CLIENT] = target->next_hop,
        [FROM_RS] = snapshot->gateway,
    };

    return unlikely(tunnel[direction]) ? NULL : hop[direction];
}

/* What translate() does with a steady packet of a session whose way out is an Ethernet header. */
static inline bool translate_steady(struct worker *worker, struct rte_mbuf *mbuf,
                                    const struct packet *packet, session_ref ref) {
    struct session *session = session_at(&worker->sessions, ref);
    enum direction direction = session_direction(ref);
    const struct neighbour *hop = direct_hop(worker, session, direction);
    const struct snapshot *snapshot = worker->snapshot;
    struct rte_ether_addr mac;

    if (unlikely(hop == NULL || !neighbour_mac(hop, &mac) || packet->l3_len > snapshot->mtu_bytes))
        return false;
    session_count(worker, ref, packet);
    session->last_seen_ms = (uint32_t)worker->now_ms;
    rewrite_packet(rte_pktmbuf_mtod(mbuf, uint8_t *), packet, session, direction, 0);
    way_send_direct(worker, mbuf, packet, &mac);
    return true;
}

enum drop_reason fullnat_translate(struct worker *worker, struct rte_mbuf *mbuf,
                                   struct packet *packet, session_ref guess,
                                   const struct opening *opening) {
    enum drop_reason reason;
    session_ref ref;

    reason = find_session(worker, packet, guess, opening, &ref);
    if (unlikely(reason != DROP_NONE))
        return without_session(worker, mbuf, packet, reason);
    if (likely(is_steady(worker, session_at(&worker->sessions, ref), packet)) &&
        likely(translate_steady(worker, mbuf, packet, ref)))
        return DROP_NONE;
    return translate(worker, mbuf, packet, ref);
}

static void set_id(struct rte_ipv4_hdr *ip, uint16_t new_id) {
    rte_be16_t before = ip->packet_id;

    ip->packet_id = rte_cpu_to_be_16(new_id);
    ip->hdr_checksum = checksum_update(ip->hdr_checksum, checksum_delta16(before, ip->packet_id));
}

/* A later fragment opens nothing and moves no state: only what was before it may. */
static enum drop_reason find_for_later(struct worker *worker, const struct packet *packet,
                                       session_ref *found) {
    *found = session_find(&worker->sessions, &packet->key, packet->hash);
    if (*found != 0)
        return DROP_NONE;
    return snapshot_owns(worker->snapshot, packet->bucket) ? DROP_NO_SESSION
                                                           : DROP_BUCKET_NOT_OWNED;
}

static enum drop_reason translate_fragment(struct worker *worker, struct rte_mbuf *mbuf,
                                           const struct packet *packet, session_ref ref,
                                           uint16_t new_id) {
    const struct session *session = session_at(&worker->sessions, ref);
    enum direction direction = session_direction(ref);
    struct rewrite rewrite = rewrite_between(&session->key[direction], &session->key[!direction]);
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + packet->l3_off);
    struct way_out way = way_of(worker, ref);

    if (packet->l3_len > way_mtu_bytes(worker, &way))
        return icmp_too_big(worker, mbuf, packet, ref, way_mtu_bytes(worker, &way));
    if (packet_fragment_offset(packet) == 0) {
        session_touch(worker, ref, packet);
        rewrite_packet(frame, packet, session, direction, worker->snapshot->mss_max);
    } else {
        session_count(worker, ref, packet);
        rewrite_ip(ip, &rewrite);
    }
    set_id(ip, new_id);
    return way_send(worker, mbuf, packet, &way, session->bucket);
}

enum drop_reason fullnat_translate_fragment(struct worker *worker, struct rte_mbuf *mbuf,
                                            struct packet *packet, uint32_t new_id) {
    bool first = packet_fragment_offset(packet) == 0;
    const struct session *session;
    enum drop_reason reason;
    session_ref ref;

    packet->hash = session_hash(&worker->sessions, &packet->key);
    reason =
        first ? find_session(worker, packet, 0, NULL, &ref) : find_for_later(worker, packet, &ref);
    if (reason != DROP_NONE)
        return give_to_who_knows(worker, mbuf, packet, reason);
    session = session_at(&worker->sessions, ref);
    if (peer_twin_has(worker, session, session_direction(ref), packet))
        return peer_give_to_twin(worker, mbuf, packet);
    if (worker->snapshot->attentive) {
        reason = admission_packet(worker, mbuf, packet, ref);
        if (reason != DROP_NONE)
            return reason;
    }
    if (session->alter != 0) {
        if (packet->l3_len > alter_mtu_bytes(worker, packet, ref))
            return too_big(worker, mbuf, packet, ref);
        reason = alter(worker, mbuf, packet, ref);
        if (reason != DROP_NONE)
            return reason;
    }
    reason = session_has_v6_side(session)
                 ? translate_v6(worker, mbuf, packet, ref, new_id)
                 : translate_fragment(worker, mbuf, packet, ref, (uint16_t)new_id);
    worker->stats.fragments_translated += reason == DROP_NONE;
    return reason;
}
