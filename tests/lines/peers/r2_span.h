/* A simulated span for libopenr2, which knows DAHDI devices and the wall clock only: its calls of ioctl, read, write
 * and gettimeofday end up in r2_span.c as soon as a span is open. The channels are numbers without a device behind,
 * and the clock is that of the test, which goes on by ticks.
 *
 * A tick begins with a frame on the test's socket:
 *   4 octets  number of command lines that precede the tick
 *   2 octets  samples per channel in this tick
 *   then for each channel 1 octet of line bits ABCD (with 0x80: the line is in alarm) and that many of A-law,
 * and ends with the answer:
 *   4 octets  number of lines written to standard output since the last answer
 *   then for each channel 1 octet of line bits and A-law of the same length.
 * Numbers are in the order of the machine.
 */
#include <stdint.h>

#define SPAN_CHANNELS 128

/* The file descriptor of the first channel, the others follow; -1 for too many of them. */
int span_open(int channels);

/* The test's clock in microseconds. */
long long span_clock(void);

/* Connects to the test. Like span_receive and span_answer, it does not return when there is none any more. */
void span_connect(const char *path);

/* Takes in the next tick; the number of its commands. */
uint32_t span_receive(void);

/* Ends the tick. */
void span_answer(uint32_t written);
