/* An independent side of MFC-R2 lines for tests: libopenr2 1.3, on DAHDI channels or on simulated ones.
 *
 *   r2_peer --dahdi FIRST-LAST OPTIONS      real channels, real time
 *   r2_peer --host CHANNELS --socket PATH OPTIONS
 *
 * OPTIONS: --variant CODE --max-ani N --max-dnis N --ani-first 0|1 --skip-category 0|1 --immediate-accept 0|1
 *          --double-answer 0|1 --mf-back MS --metering MS --debug
 *
 * Commands are lines on standard input, events are lines on standard output; both begin with the number of the
 * channel. See command() and the callbacks.
 *
 * With --host nothing is real time. libopenr2 knows DAHDI devices and the wall clock only, so its calls of
 * ioctl, read, write and gettimeofday end up here: the channels are numbers without a device behind, and the
 * clock is that of the test. A tick begins with a frame on the socket:
 *   4 octets  number of command lines that precede the tick
 *   2 octets  samples per channel in this tick
 *   then for each channel 1 octet of line bits ABCD (with 0x80: the line is in alarm) and that many of A-law,
 * and ends with the answer:
 *   4 octets  number of lines written to standard output since the last answer
 *   then for each channel 1 octet of line bits and A-law of the same length.
 * Numbers are in the order of the machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <openr2.h>

#define MAX_CHANNELS 128
#define FAKE 100000 /* file descriptor of the first simulated channel */
#define BLOCK 160
#define BUFFERS 4
#define SILENCE 0xD5

/* Numbers of DAHDI's interface (dahdi/user.h): of requests, events and of what IOMUX tells. */
enum { FLUSH = 3, GET_PARAMS = 5, GETEVENT = 8, IOMUX = 9, CHANNO = 34, BITS = 43 };
enum { EVENT_ALARM = 4, EVENT_NOALARM = 5, EVENT_BITSCHANGED = 13 };
enum { IOMUX_READ = 1, IOMUX_WRITE = 2, IOMUX_SIGEVENT = 8 };
enum { SIG_CAS = 1 << 15 };
enum { PARAMS_CHANNO = 0, PARAMS_SIGTYPE = 3, BUFINFO_WORDS = 6 };

struct line {
	int rx_bits, tx_bits, alarm;
	int events[16], event_count;
	uint8_t rx[BLOCK * 4], tx[BLOCK * BUFFERS];
	int rx_length, tx_length;
};

static struct line lines[MAX_CHANNELS];
static openr2_chan_t *channels[MAX_CHANNELS];
static int count, first = 1, host, debug;
static long long clock_us;
static uint32_t lines_written;

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
		words[0] = first + (fd - FAKE);
		return 0;
	case GET_PARAMS:
		memset(words, 0, _IOC_SIZE(request));
		words[PARAMS_CHANNO] = first + (fd - FAKE);
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
	if (!host)
		return (int)syscall(SYS_gettimeofday, time, zone);
	time->tv_sec = clock_us / 1000000;
	time->tv_usec = clock_us % 1000000;
	return 0;
}

/* Events. */

static void say(openr2_chan_t *channel, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("%d ", openr2_chan_get_number(channel));
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	lines_written++;
}

struct name {
	int value;
	const char *name;
};

static const struct name causes[] = {
	{OR2_CAUSE_BUSY_NUMBER, "busy"},
	{OR2_CAUSE_NETWORK_CONGESTION, "congestion"},
	{OR2_CAUSE_UNALLOCATED_NUMBER, "unallocated"},
	{OR2_CAUSE_OUT_OF_ORDER, "out-of-order"},
	{OR2_CAUSE_UNSPECIFIED, "unspecified"},
	{OR2_CAUSE_NO_ANSWER, "no-answer"},
	{OR2_CAUSE_NORMAL_CLEARING, "normal"},
	{OR2_CAUSE_COLLECT_CALL_REJECTED, "collect"},
	{OR2_CAUSE_FORCED_RELEASE, "forced"},
	{OR2_CAUSE_NUMBER_CHANGED, "changed"},
	{0, NULL},
};

static const struct name categories[] = {
	{OR2_CALLING_PARTY_CATEGORY_NATIONAL_SUBSCRIBER, "subscriber"},
	{OR2_CALLING_PARTY_CATEGORY_NATIONAL_PRIORITY_SUBSCRIBER, "priority"},
	{OR2_CALLING_PARTY_CATEGORY_INTERNATIONAL_SUBSCRIBER, "international"},
	{OR2_CALLING_PARTY_CATEGORY_INTERNATIONAL_PRIORITY_SUBSCRIBER, "international-priority"},
	{OR2_CALLING_PARTY_CATEGORY_COLLECT_CALL, "collect"},
	{OR2_CALLING_PARTY_CATEGORY_TEST_EQUIPMENT, "test"},
	{0, NULL},
};

static const char *name_of(const struct name *names, int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return "unknown";
}

static int value_of(const struct name *names, const char *name)
{
	for (; names->name; names++)
		if (!strcmp(names->name, name))
			return names->value;
	fprintf(stderr, "r2_peer: unknown word '%s'\n", name);
	exit(2);
}

static void on_init(openr2_chan_t *c) { say(c, "seized"); }
static void on_offered(openr2_chan_t *c, const char *ani, const char *dnis, openr2_calling_party_category_t category)
{
	say(c, "offered %s %s %s", dnis && *dnis ? dnis : "-", ani && *ani ? ani : "-", name_of(categories, category));
}
static void on_accepted(openr2_chan_t *c, openr2_call_mode_t mode)
{
	(void)mode;
	say(c, "accepted");
}
static void on_answered(openr2_chan_t *c) { say(c, "answered"); }
static void on_disconnect(openr2_chan_t *c, openr2_call_disconnect_cause_t cause)
{
	say(c, "disconnected %s", name_of(causes, cause));
	/* The library wants its user to take part in the end of a call. */
	openr2_chan_disconnect_call(c, OR2_CAUSE_NORMAL_CLEARING);
}
static void on_end(openr2_chan_t *c) { say(c, "ended"); }
static void on_read(openr2_chan_t *c, const unsigned char *samples, int length)
{
	(void)c, (void)samples, (void)length;
}
static void on_alarm(openr2_chan_t *c, int alarm) { say(c, "alarm %d", alarm); }
static void on_os_error(openr2_chan_t *c, int error) { say(c, "error system: %s", strerror(error)); }
static void on_protocol_error(openr2_chan_t *c, openr2_protocol_error_t error)
{
	say(c, "error %s", openr2_proto_get_error(error));
}
static void on_blocked(openr2_chan_t *c) { say(c, "blocked"); }
static void on_idle(openr2_chan_t *c) { say(c, "idle"); }
static void on_pulse(openr2_chan_t *c) { say(c, "pulse"); }
static int on_dnis(openr2_chan_t *c, char digit)
{
	(void)c, (void)digit;
	return 1;
}
static void on_ani(openr2_chan_t *c, char digit) { (void)c, (void)digit; }
static void on_context_log(openr2_context_t *c, openr2_log_level_t level, const char *format, va_list arguments)
{
	(void)c, (void)level;
	if (debug)
		vfprintf(stderr, format, arguments);
}
static void on_channel_log(openr2_chan_t *c, openr2_log_level_t level, const char *format, va_list arguments)
{
	(void)level;
	if (debug) {
		fprintf(stderr, "%lld.%03lld %d ", clock_us / 1000000, clock_us / 1000 % 1000, openr2_chan_get_number(c));
		vfprintf(stderr, format, arguments);
	}
}

/* Carries out a line: "CHANNEL call DNIS ANI|- CATEGORY", "CHANNEL accept charge|free", "CHANNEL answer",
 * "CHANNEL answer-twice", "CHANNEL clear CAUSE", "CHANNEL block", "CHANNEL unblock". */
static void command(const char *text)
{
	char verb[32] = "", one[128] = "", two[128] = "", three[64] = "";
	int number, failed;
	if (sscanf(text, "%d %31s %127s %127s %63s", &number, verb, one, two, three) < 2 || number < first ||
	    number >= first + count) {
		fprintf(stderr, "r2_peer: cannot read '%s'\n", text);
		exit(2);
	}
	openr2_chan_t *c = channels[number - first];
	if (!strcmp(verb, "call"))
		failed = openr2_chan_make_call(c, strcmp(two, "-") ? two : NULL, one, value_of(categories, three));
	else if (!strcmp(verb, "accept"))
		failed = openr2_chan_accept_call(c, strcmp(one, "free") ? OR2_CALL_WITH_CHARGE : OR2_CALL_NO_CHARGE);
	else if (!strcmp(verb, "answer"))
		failed = openr2_chan_answer_call(c);
	else if (!strcmp(verb, "answer-twice"))
		failed = openr2_chan_answer_call_with_mode(c, OR2_ANSWER_DOUBLE);
	else if (!strcmp(verb, "clear"))
		failed = openr2_chan_disconnect_call(c, value_of(causes, one));
	else if (!strcmp(verb, "block"))
		failed = openr2_chan_set_blocked(c);
	else if (!strcmp(verb, "unblock"))
		failed = openr2_chan_set_idle(c);
	else {
		fprintf(stderr, "r2_peer: unknown command '%s'\n", verb);
		exit(2);
	}
	if (failed)
		say(c, "refused %s", verb);
}

static void process(void)
{
	for (int i = 0; i < count; i++)
		openr2_chan_process_event(channels[i]);
}

/* Simulated channels. */

static void transfer(int fd, void *data, size_t length, int out)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = out ? write(fd, (char *)data + done, length - done) : read(fd, (char *)data + done, length - done);
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

static void run_simulated(const char *path)
{
	static uint8_t frames[MAX_CHANNELS * (1 + BLOCK)];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
		perror(path);
		exit(1);
	}
	for (;;) {
		uint32_t commands;
		uint16_t samples;
		char text[512];
		transfer(fd, &commands, sizeof commands, 0);
		transfer(fd, &samples, sizeof samples, 0);
		if (samples > BLOCK)
			exit(2);
		transfer(fd, frames, count * (1 + samples), 0);
		clock_us += samples * 125LL;
		for (int i = 0; i < count; i++) {
			const uint8_t *frame = frames + i * (1 + samples);
			take(&lines[i], frame[0], frame + 1, samples);
		}
		while (commands-- && fgets(text, sizeof text, stdin))
			command(text);
		process();
		for (int i = 0; i < count; i++) {
			uint8_t *frame = frames + i * (1 + samples);
			frame[0] = lines[i].tx_bits & 0xF;
			give(&lines[i], frame + 1, samples);
		}
		fflush(stdout);
		transfer(fd, &lines_written, sizeof lines_written, 1);
		lines_written = 0;
		transfer(fd, frames, count * (1 + samples), 1);
	}
}

/* DAHDI channels. */

static void run_dahdi(void)
{
	static struct pollfd fds[MAX_CHANNELS + 1];
	static char text[4096];
	size_t length = 0;
	for (;;) {
		/* Not POLLIN: sound is there all the time, and nobody reads that of an idle channel. */
		for (int i = 0; i < count; i++)
			fds[i] = (struct pollfd){openr2_chan_get_fd(channels[i]), POLLPRI, 0};
		fds[count] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
		poll(fds, count + 1, 10);
		process();
		if (fds[count].revents) {
			ssize_t n = read(STDIN_FILENO, text + length, sizeof text - 1 - length);
			if (n <= 0)
				exit(0);
			length += n;
			text[length] = 0;
			char *end;
			while ((end = strchr(text, '\n'))) {
				*end++ = 0;
				command(text);
				length -= end - text;
				memmove(text, end, length + 1);
			}
		}
		fflush(stdout);
	}
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return i + 1 < argc ? argv[i + 1] : "";
	return otherwise;
}

static int number(int argc, char **argv, const char *name, int otherwise)
{
	const char *text = option(argc, argv, name, NULL);
	return text ? atoi(text) : otherwise;
}

int main(int argc, char **argv)
{
	static openr2_event_interface_t events = {
		.on_call_init = on_init,
		.on_call_offered = on_offered,
		.on_call_accepted = on_accepted,
		.on_call_answered = on_answered,
		.on_call_disconnect = on_disconnect,
		.on_call_end = on_end,
		.on_call_read = on_read,
		.on_hardware_alarm = on_alarm,
		.on_os_error = on_os_error,
		.on_protocol_error = on_protocol_error,
		.on_line_blocked = on_blocked,
		.on_line_idle = on_idle,
		.on_context_log = on_context_log,
		.on_dnis_digit_received = on_dnis,
		.on_ani_digit_received = on_ani,
		.on_billing_pulse_received = on_pulse,
	};
	const char *range = option(argc, argv, "--dahdi", NULL);
	debug = option(argc, argv, "--debug", NULL) != NULL;
	host = number(argc, argv, "--host", 0);
	count = host;
	if (range) {
		int last = 0;
		count = sscanf(range, "%d-%d", &first, &last) == 2 ? last - first + 1 : 0;
	}
	if (count < 1 || count > MAX_CHANNELS) {
		fprintf(stderr, "r2_peer: --dahdi FIRST-LAST or --host CHANNELS (1-%d)\n", MAX_CHANNELS);
		return 2;
	}
	clock_us = 1000000000;
	openr2_context_t *context =
		openr2_context_new(NULL, &events, NULL, openr2_proto_get_variant(option(argc, argv, "--variant", "ITU")),
				   number(argc, argv, "--max-ani", 10), number(argc, argv, "--max-dnis", 4));
	if (!context) {
		fprintf(stderr, "r2_peer: unknown variant\n");
		return 2;
	}
	openr2_context_set_log_level(context, debug ? OR2_LOG_ALL : OR2_LOG_NOTHING);
	openr2_context_set_ani_first(context, number(argc, argv, "--ani-first", openr2_context_get_ani_first(context)));
	openr2_context_set_skip_category_request(context, number(argc, argv, "--skip-category", 0));
	openr2_context_set_immediate_accept(context, number(argc, argv, "--immediate-accept", 0));
	openr2_context_set_double_answer(context, number(argc, argv, "--double-answer", 0));
	if (number(argc, argv, "--mf-back", 0))
		openr2_context_set_mf_back_timeout(context, number(argc, argv, "--mf-back", 0));
	if (option(argc, argv, "--metering", NULL))
		openr2_context_set_metering_pulse_timeout(context, number(argc, argv, "--metering", 0));
	for (int i = 0; i < count; i++) {
		lines[i].rx_bits = 0xD;
		channels[i] = host ? openr2_chan_new_from_fd(context, FAKE + i, NULL, NULL)
				   : openr2_chan_new(context, first + i, NULL, NULL);
		if (!channels[i]) {
			fprintf(stderr, "r2_peer: no channel %d: is it configured for CAS?\n", first + i);
			return 1;
		}
		openr2_chan_set_logging_func(channels[i], on_channel_log);
		openr2_chan_set_log_level(channels[i], debug ? OR2_LOG_ALL : OR2_LOG_NOTHING);
		openr2_chan_set_idle(channels[i]);
		openr2_chan_handle_cas(channels[i]);
	}
	printf("ready\n");
	fflush(stdout);
	lines_written = 0;
	if (host)
		run_simulated(option(argc, argv, "--socket", ""));
	else
		run_dahdi();
	return 0;
}
