/* Channels and a clock for libopenr2 that are not there: see r2_span.h. */
#define _GNU_SOURCE
#include "r2_span.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define FAKE 100000 /* file descriptor of the first channel */
#define BLOCK 160
#define BUFFERS 4
#define SILENCE 0xD5

/* Numbers of DAHDI's interface (dahdi/user.h): of requests, events and of what IOMUX tells. */
enum { FLUSH = 3, GET_PARAMS = 5, GETEVENT = 8, IOMUX = 9, CHANNO = 34, BITS = 43 };
enum { EVENT_ALARM = 4, EVENT_NOALARM = 5, EVENT_BITSCHANGED = 13 };
enum { IOMUX_READ = 1, IOMUX_WRITE = 2, IOMUX_SIGEVENT = 8 };
enum { SIG_CAS = 1 << 15 };
enum { PARAMS_CHANNO = 0, PARAMS_SIGTYPE = 3 };

struct line {
	int rx_bits, tx_bits, alarm;
	int events[16], event_count;
	uint8_t rx[BLOCK * 4], tx[BLOCK * BUFFERS];
	int rx_length, tx_length;
};

static struct line lines[SPAN_CHANNELS];
static int count, connection = -1;
static uint16_t samples;
static uint8_t frames[SPAN_CHANNELS * (1 + BLOCK)];
static long long clock_us = 1000000000;

static struct line *fake(int fd)
{
	return fd >= FAKE && fd < FAKE + count ? &lines[fd - FAKE] : NULL;
}

static void push_event(struct line *line, int event)
{
	if (line->event_count < 16)
		line->events[line->event_count++] = event;
}

static int pop_event(struct line *line)
{
	int event = line->event_count ? line->events[0] : 0;
	if (line->event_count)
		memmove(line->events, line->events + 1, --line->event_count * sizeof(int));
	return event;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	int *words = va_arg(arguments, int *);
	va_end(arguments);
	struct line *line = fake(fd);
	if (!line)
		return (int)syscall(SYS_ioctl, fd, request, words);
	int wanted;
	switch (_IOC_NR(request)) {
	case CHANNO:
		words[0] = fd - FAKE + 1;
		return 0;
	case GET_PARAMS:
		memset(words, 0, _IOC_SIZE(request));
		words[PARAMS_CHANNO] = fd - FAKE + 1;
		words[PARAMS_SIGTYPE] = SIG_CAS;
		return 0;
	case BITS:
		if (_IOC_DIR(request) & _IOC_READ)
			words[0] = line->rx_bits;
		else
			line->tx_bits = words[0];
		return 0;
	case GETEVENT:
		words[0] = pop_event(line);
		return 0;
	case FLUSH:
		line->tx_length = 0;
		return 0;
	case IOMUX:
		wanted = words[0];
		words[0] = 0;
		if (line->event_count)
			words[0] |= wanted & IOMUX_SIGEVENT;
		if (line->rx_length >= BLOCK)
			words[0] |= wanted & IOMUX_READ;
		if (line->tx_length + BLOCK <= (int)sizeof line->tx)
			words[0] |= wanted & IOMUX_WRITE;
		return 0;
	default: /* buffers, gains, law, echo canceller */
		return 0;
	}
}

ssize_t read(int fd, void *buffer, size_t length)
{
	struct line *line = fake(fd);
	if (!line)
		return syscall(SYS_read, fd, buffer, length);
	int taken = line->rx_length < (int)length ? line->rx_length : (int)length;
	memcpy(buffer, line->rx, taken);
	line->rx_length -= taken;
	memmove(line->rx, line->rx + taken, line->rx_length);
	return taken;
}

ssize_t write(int fd, const void *buffer, size_t length)
{
	struct line *line = fake(fd);
	if (!line)
		return syscall(SYS_write, fd, buffer, length);
	int room = (int)sizeof line->tx - line->tx_length;
	int taken = room < (int)length ? room : (int)length;
	memcpy(line->tx + line->tx_length, buffer, taken);
	line->tx_length += taken;
	return taken;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	if (!count)
		return (int)syscall(SYS_gettimeofday, time, zone);
	time->tv_sec = clock_us / 1000000;
	time->tv_usec = clock_us % 1000000;
	return 0;
}

static void transfer(void *data, size_t length, int out)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = out ? write(connection, (char *)data + done, length - done)
				: read(connection, (char *)data + done, length - done);
		if (n <= 0)
			exit(0); /* the test is over */
		done += n;
	}
}

static void take(struct line *line, uint8_t bits, const uint8_t *samples, int length)
{
	int alarm = bits >> 7;
	bits &= 0xF;
	if (alarm != line->alarm) {
		line->alarm = alarm;
		push_event(line, alarm ? EVENT_ALARM : EVENT_NOALARM);
	}
	if (bits != line->rx_bits) {
		line->rx_bits = bits;
		push_event(line, EVENT_BITSCHANGED);
	}
	/* What nobody reads is lost, the oldest first. */
	int over = line->rx_length + length - (int)sizeof line->rx;
	if (over > 0) {
		line->rx_length -= over;
		memmove(line->rx, line->rx + over, line->rx_length);
	}
	memcpy(line->rx + line->rx_length, samples, length);
	line->rx_length += length;
}

static void give(struct line *line, uint8_t *samples, int length)
{
	int taken = line->tx_length < length ? line->tx_length : length;
	memset(samples, SILENCE, length);
	memcpy(samples, line->tx, taken);
	line->tx_length -= taken;
	memmove(line->tx, line->tx + taken, line->tx_length);
}

int span_open(int channels)
{
	if (channels < 1 || channels > SPAN_CHANNELS)
		return -1;
	count = channels;
	for (int i = 0; i < count; i++)
		lines[i].rx_bits = 0xD;
	return FAKE;
}

long long span_clock(void)
{
	return clock_us;
}

void span_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	connection = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address)) {
		perror(path);
		exit(1);
	}
}

uint32_t span_receive(void)
{
	uint32_t commands;
	transfer(&commands, sizeof commands, 0);
	transfer(&samples, sizeof samples, 0);
	if (samples > BLOCK)
		exit(2);
	transfer(frames, count * (1 + samples), 0);
	clock_us += samples * 125LL;
	for (int i = 0; i < count; i++) {
		const uint8_t *frame = frames + i * (1 + samples);
		take(&lines[i], frame[0], frame + 1, samples);
	}
	return commands;
}

void span_answer(uint32_t written)
{
	for (int i = 0; i < count; i++) {
		uint8_t *frame = frames + i * (1 + samples);
		frame[0] = lines[i].tx_bits & 0xF;
		give(&lines[i], frame + 1, samples);
	}
	transfer(&written, sizeof written, 1);
	transfer(frames, count * (1 + samples), 1);
}
