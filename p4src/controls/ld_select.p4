// The LD that gets a steered packet. The map is the same on every switch of the cluster.
//
//   (cluster, bucket) ─► ld_of_bucket ─► primary, backup     then LdLiveness: the backup while the primary is late
//   (previous cluster, bucket) ─► previous_ld_of_bucket ─► the LD that had the bucket before, a hint for the new one
//
// A flow that flow_pin has given to an LD keeps it.
#ifndef SLUICE_LD_SELECT_P4
#define SLUICE_LD_SELECT_P4

control LdSelect(inout headers_t hdr, inout metadata_t meta) {
    // A backup of 0: there is none, and the primary is not watched.
    @id(ACTION_ASSIGN_LD)
    action assign_ld(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id, @id(2) @refers_to(ld, ld_id) ld_id_t backup_ld_id) {
        meta.ld_id = ld_id;
        meta.backup_ld_id = backup_ld_id;
    }

    @id(TABLE_LD_OF_BUCKET)
    table ld_of_bucket {
        key = {
            meta.cluster_id: exact @id(1) @name("cluster_id");
            meta.bucket: exact @id(2) @name("bucket");
        }
        actions = {
            @proto_id(1) assign_ld;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_LD_OF_BUCKET;
    }

    @id(ACTION_HINT_LD)
    action hint_ld(@id(1) @refers_to(ld, ld_id) ld_id_t ld_id) {
        meta.previous_ld_id = ld_id;
    }

    @id(TABLE_PREVIOUS_LD_OF_BUCKET)
    table previous_ld_of_bucket {
        key = {
            meta.previous_cluster_id: exact @id(1) @name("cluster_id");
            meta.bucket: exact @id(2) @name("bucket");
        }
        actions = {
            @proto_id(1) hint_ld;
            @defaultonly NoAction;
        }
        const default_action = NoAction();
        size = SIZE_LD_OF_BUCKET;
    }

    apply {
        if (!meta.pinned) {
            if (!ld_of_bucket.apply().hit) {
                DROP(DROP_BUCKET_UNASSIGNED);
            } else if (meta.previous_cluster_id != 0) {
                previous_ld_of_bucket.apply();
            }
        }
    }
}

#endif
