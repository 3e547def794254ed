"""The numbers of this room's advisory locks in PostgreSQL, all in one place: no two things may take the same one."""

PARTITIONS, ROLLUPS, ENDPOINTS, REBUILD = range(0x67617465686F7501, 0x67617465686F7505)
