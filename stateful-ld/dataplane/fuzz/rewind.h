/**
 * @file
 * A data plane that is as it was at a mark: for one that every input of a fuzzer begins with.
 *
 * To make one anew takes more than most inputs do. What an input changes is in few places: the
 * structures of the data plane and of its workers, their tables (session/memory.h), the schedulers'
 * turns of the configuration, and packets that wait. Those are put back byte by byte, so nothing of
 * an input is left, whatever it was; pointers stay good, because nothing is allocated for a packet.
 * A configuration that has been taken is another matter: then the data plane is made anew.
 */
#ifndef SLUICE_FUZZ_REWIND_H
#define SLUICE_FUZZ_REWIND_H

#include "testing/harness.h"

/** Remember how the only data plane there is is now. Nothing waits in its rings. */
void rewind_mark(struct harness *harness);

/** Make it so again. Fails the test when an mbuf is missing. */
void rewind_to_mark(struct harness *harness);

/** It is about to be stopped, or has been: another mark may follow. */
void rewind_forget(void);

#endif
