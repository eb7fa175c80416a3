//! Tests of the boot loader, the verified system and updates, run in the toolbox by `tools/check/update`.
