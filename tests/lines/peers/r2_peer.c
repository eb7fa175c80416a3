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
 * With --host nothing is real time: see r2_span.h. Build it from r2_peer.c and r2_span.c with -lopenr2.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openr2.h>

#include "r2_span.h"

static openr2_chan_t *channels[SPAN_CHANNELS];
static int count, first = 1, host, debug;
static uint32_t lines_written;

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
		fprintf(stderr, "%lld ms %d ", span_clock() / 1000, openr2_chan_get_number(c));
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

static void run_simulated(const char *path)
{
	char text[512];
	span_connect(path);
	for (;;) {
		uint32_t commands = span_receive();
		while (commands-- && fgets(text, sizeof text, stdin))
			command(text);
		process();
		fflush(stdout);
		span_answer(lines_written);
		lines_written = 0;
	}
}

static void run_dahdi(void)
{
	static struct pollfd fds[SPAN_CHANNELS + 1];
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
	if (count < 1 || count > SPAN_CHANNELS) {
		fprintf(stderr, "r2_peer: --dahdi FIRST-LAST or --host CHANNELS (1-%d)\n", SPAN_CHANNELS);
		return 2;
	}
	int fd = host ? span_open(host) : -1;
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
		channels[i] = host ? openr2_chan_new_from_fd(context, fd + i, NULL, NULL)
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
