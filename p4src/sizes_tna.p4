// Entries of each table on Tofino: of Decision's tables what was seen to fit its 20 stages; of the others next to none, to see how long the
// chain of dependencies is by itself. docs/tofino.md says how far the compiler gets with them.
#ifndef SLUICE_SIZES_P4
#define SLUICE_SIZES_P4

#define BUCKETS 1024 // of a cluster; see sizes.p4
#define BUCKET_BITS 10

#define SIZE_NETWORK 1024
#define SIZE_MY_MAC 64
#define SIZE_MY_ADDRESS 1024
#define SIZE_MY_TUNNEL 64
#define SIZE_HOST 1024
#define SIZE_SERVICE 4096
#define SIZE_VIP 4096
#define SIZE_LOCAL_IP 512
#define SIZE_LD_OF_BUCKET 65536
#define SIZE_LD 4096
#define SIZE_ACL 512
#define SIZE_SOURCE_POLICY 512
#define SIZE_FLOW_PIN 4096
#define SIZE_EIP 1024
#define SIZE_VM 1024
#define SIZE_EIP_LIMIT 2048
#define EIP_LIMIT_CELLS 2048 // two directions of an EIP
#define SIZE_PRIORITY_PORT 64
#define SIZE_ECMP_GROUP 64
#define ECMP_SLOTS 32 // of a group
#define SIZE_ROUTE 2048
#define SIZE_NEXTHOP 4096

#endif
