// Entries that every target holds of each table.
#ifndef SLUICE_SIZES_P4
#define SLUICE_SIZES_P4

#define BUCKETS 1024 // of a cluster; a power of two, because a local port carries its bucket in its low bits
#define BUCKET_BITS 10

#define SIZE_NETWORK 1024
#define SIZE_MY_MAC 64
#define SIZE_MY_ADDRESS 1024
#define SIZE_MY_TUNNEL 64
#define SIZE_SERVICE 65536
#define SIZE_VIP 65536
#define SIZE_LOCAL_IP 1024
#define SIZE_LD_OF_BUCKET 65536 // 64 clusters of 1024 buckets
#define SIZE_LD 4096
#define SIZE_ACL 1024
#define SIZE_SOURCE_POLICY 4096
#define SIZE_FLOW_PIN 65536
#define SIZE_EIP 1048576
#define SIZE_EIP_LIMIT 2097152
#define EIP_LIMIT_CELLS 2097152 // two directions of an EIP
#define SIZE_VM 1048576
#define SIZE_HOST 16384
#define SIZE_PRIORITY_PORT 64
#define SIZE_ECMP_GROUP 256
#define ECMP_SLOTS 128 // of a group
#define SIZE_ROUTE 16384
#define SIZE_NEXTHOP 4096

#endif
