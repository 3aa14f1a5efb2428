// The gateway on Tofino: two pipes with a program each, and every packet goes through both. gateway.p4 is the pipeline itself; what
// its four parts are here is in tna/, and docs/tofino.md says why they are cut so and what they take.
//
//   network ─► ingress 0  Arrival ──► egress 1  Admission ─┐
//   network ◄─ egress 0  Departure ◄── ingress 1  Decision ◄┘ a port of pipe 1 in loopback
#include "ids.p4"
#include "sizes_tna.p4"
#include "drop_reasons.p4"
#include "headers.p4"
#include "metadata.p4"
#include "arch/tna.p4"
#include "parser.p4"
#include "gateway.p4"

const PortId_t CPU_PORT = 2;
const PortId_t RECIRCULATION_PORT = 6;
const PortId_t INNER_PORT = 128; // in loopback, of pipe 1

#include "tna/bridge.p4"
#include "tna/arrival.p4"
#include "tna/admission.p4"
#include "tna/decision.p4"
#include "tna/departure.p4"

#ifdef ONE_PART
#include "tna/one_part.p4"
#else
Pipeline(ArrivalParser(), ArrivalIngress(), ArrivalDeparser(),
         DepartureParser(), DepartureEgress(), DepartureDeparser()) outer;
Pipeline(DecisionParser(), DecisionIngress(), DecisionDeparser(),
         AdmissionParser(), AdmissionEgress(), AdmissionDeparser()) inner;

Switch(outer, inner) main;
#endif
