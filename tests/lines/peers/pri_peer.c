/*
 * libpri as the other side of a D channel, steered by lines.
 *
 *   pri_peer --network|--user (--fd NUMBER | --dahdi CHANNEL) [--overlap] [--qsig] [--debug]
 *
 * --fd is a socket that keeps frames apart (SOCK_SEQPACKET or SOCK_DGRAM); its frames have no check sequence.
 * --dahdi is the number of a DAHDI channel that is configured for HDLC with check sequence.
 *
 * --qsig speaks as an exchange of a private network does: names go by Facility instead of Display.
 *
 * Commands on standard input; TAG is a number the caller chooses, 1 to 99999. Calls of the other side get tags from
 * 100000 up.
 *   call TAG called=DIGITS [channel=N] [exclusive] [calling=DIGITS] [pres=N] [name=TEXT] [redirecting=DIGITS] [reason=N]
 *            [incomplete] [bearer=N] [useruser=TEXT]
 *   digit TAG C        keypad TAG DIGITS   more TAG [inband]   proceeding TAG [inband]   ringing TAG   progress TAG
 *   answer TAG         connected TAG DIGITS                    hangup TAG CAUSE          notify TAG N
 *   restart CHANNEL    debug               quit
 * Events on standard output, one a line:
 *   ready, up, down, ring TAG key=value..., setup_ack TAG, proceeding TAG inband=N, progress TAG inband=N, ringing TAG,
 *   answer TAG number=DIGITS, digits TAG DIGITS, hangup_req TAG CAUSE, hangup TAG CAUSE, hangup_ack TAG,
 *   restart CHANNEL, restart_ack CHANNEL, notify TAG N, connect_ack TAG, error TEXT
 * Clearing of the other side is answered at once, as libpri's users have to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libpri.h>

/* As in dahdi/user.h, whose package is not needed for the sake of these few. */
struct dahdi_bufferinfo {
	int txbufpolicy, rxbufpolicy, numbufs, bufsize, readbufs, writebufs;
};
#define DAHDI_CODE 0xDA
#define DAHDI_GETEVENT _IOR(DAHDI_CODE, 8, int)
#define DAHDI_SET_BUFINFO _IOW(DAHDI_CODE, 27, struct dahdi_bufferinfo)
#define DAHDI_SPECIFY _IOW(DAHDI_CODE, 38, int)

#define FCS 2
#define FIRST_INCOMING 100000
#define MAX_CALLS 256

static struct call {
	int tag;
	q931_call *call;
	int channel;
} calls[MAX_CALLS];
static int next_incoming = FIRST_INCOMING;
static int is_dahdi;

static void say(struct pri *pri, char *text)
{
	(void)pri;
	fputs(text, stderr);
}

static struct call *by_tag(int tag)
{
	for (int i = 0; i < MAX_CALLS; i++)
		if (calls[i].tag == tag)
			return &calls[i];
	return NULL;
}

static struct call *by_call(q931_call *call)
{
	for (int i = 0; i < MAX_CALLS; i++)
		if (calls[i].tag && calls[i].call == call)
			return &calls[i];
	return NULL;
}

static struct call *add(int tag, q931_call *call, int channel)
{
	struct call *free = by_call(call);
	if (!free)
		free = by_tag(0);
	if (!free) {
		puts("error too many calls");
		exit(1);
	}
	free->tag = tag;
	free->call = call;
	free->channel = channel;
	return free;
}

static int tag_of(q931_call *call)
{
	struct call *found = by_call(call);
	return found ? found->tag : 0;
}

static void forget(q931_call *call)
{
	struct call *found = by_call(call);
	if (found)
		memset(found, 0, sizeof *found);
}

static int read_frame(struct pri *pri, void *frame, int most)
{
	ssize_t length = recv(pri_fd(pri), frame, most - FCS, MSG_DONTWAIT);
	if (length == 0) /* The other side is gone. */
		exit(0);
	if (length < 0)
		return 0;
	memset((char *)frame + length, 0, FCS);
	return length + FCS;
}

static int write_frame(struct pri *pri, void *frame, int length)
{
	ssize_t sent = send(pri_fd(pri), frame, length - FCS, MSG_NOSIGNAL);
	return sent < 0 ? sent : sent + FCS;
}

static int open_dahdi(int channel)
{
	struct dahdi_bufferinfo buffers = { .numbufs = 32, .bufsize = 1024 };
	int fd = open("/dev/dahdi/channel", O_RDWR | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, DAHDI_SPECIFY, &channel) || ioctl(fd, DAHDI_SET_BUFINFO, &buffers)) {
		printf("error D channel %d: %s\n", channel, strerror(errno));
		exit(1);
	}
	return fd;
}

/* The value of key=value among words, or NULL; "" for the key alone. */
static char *value(char **words, int count, const char *key)
{
	size_t length = strlen(key);
	for (int i = 0; i < count; i++)
		if (!strncmp(words[i], key, length)) {
			if (words[i][length] == '=')
				return words[i] + length + 1;
			if (!words[i][length])
				return words[i] + length;
		}
	return NULL;
}

static int number(char **words, int count, const char *key, int otherwise)
{
	char *text = value(words, count, key);
	return text ? atoi(text) : otherwise;
}

static void make_call(struct pri *pri, int tag, char **words, int count)
{
	q931_call *call = pri_new_call(pri);
	struct pri_sr *sr = pri_sr_new();
	char *called = value(words, count, "called");
	char *calling = value(words, count, "calling");
	char *name = value(words, count, "name");
	char *redirecting = value(words, count, "redirecting");
	char *useruser = value(words, count, "useruser");
	int channel = number(words, count, "channel", 1);

	pri_sr_set_channel(sr, channel, value(words, count, "exclusive") != NULL, 0);
	pri_sr_set_bearer(sr, number(words, count, "bearer", PRI_TRANS_CAP_SPEECH), PRI_LAYER_1_ALAW);
	pri_sr_set_called(sr, called ? called : "", PRI_NATIONAL_ISDN, value(words, count, "incomplete") == NULL);
	if (calling || name)
		pri_sr_set_caller(sr, calling ? calling : "", name, PRI_NATIONAL_ISDN,
			number(words, count, "pres", PRES_ALLOWED_USER_NUMBER_NOT_SCREENED));
	if (redirecting)
		pri_sr_set_redirecting(sr, redirecting, PRI_NATIONAL_ISDN, PRES_ALLOWED_USER_NUMBER_NOT_SCREENED,
			number(words, count, "reason", PRI_REDIR_FORWARD_ON_NO_REPLY));
	if (useruser)
		pri_sr_set_useruser(sr, useruser);
	add(tag, call, channel);
	if (pri_setup(pri, call, sr))
		printf("error setup of %d failed\n", tag);
	pri_sr_free(sr);
}

static void command(struct pri *pri, char *line)
{
	char *words[24];
	int count = 0;
	for (char *word = strtok(line, " \n"); word && count < 24; word = strtok(NULL, " \n"))
		words[count++] = word;
	if (count == 0)
		return;
	const char *verb = words[0];
	int tag = count > 1 ? atoi(words[1]) : 0;
	if (!strcmp(verb, "quit"))
		exit(0);
	if (!strcmp(verb, "restart")) {
		pri_reset(pri, tag);
		return;
	}
	if (!strcmp(verb, "debug")) {
		pri_set_debug(pri, PRI_DEBUG_Q921_STATE | PRI_DEBUG_Q921_DUMP | PRI_DEBUG_Q931_DUMP | PRI_DEBUG_Q931_STATE);
		return;
	}
	if (!strcmp(verb, "call")) {
		make_call(pri, tag, words + 2, count - 2);
		return;
	}
	/* It may have ended while the command was on its way. */
	struct call *call = tag ? by_tag(tag) : NULL;
	if (!call)
		return;
	const char *last = count > 2 ? words[2] : "";
	int inband = !strcmp(last, "inband");
	if (!strcmp(verb, "digit"))
		pri_information(pri, call->call, last[0]);
	else if (!strcmp(verb, "keypad"))
		pri_keypad_facility(pri, call->call, last);
	else if (!strcmp(verb, "more"))
		pri_setup_ack(pri, call->call, call->channel, 0, inband);
	else if (!strcmp(verb, "proceeding"))
		pri_proceeding(pri, call->call, call->channel, inband);
	else if (!strcmp(verb, "ringing"))
		pri_acknowledge(pri, call->call, call->channel, 0);
	else if (!strcmp(verb, "progress"))
		pri_progress(pri, call->call, call->channel, 1);
	else if (!strcmp(verb, "connected")) {
		struct pri_party_connected_line line;
		memset(&line, 0, sizeof line);
		line.id.number.valid = 1;
		line.id.number.plan = PRI_NATIONAL_ISDN;
		snprintf(line.id.number.str, sizeof line.id.number.str, "%s", last);
		pri_connected_line_update(pri, call->call, &line);
	} else if (!strcmp(verb, "answer"))
		pri_answer(pri, call->call, call->channel, 0);
	else if (!strcmp(verb, "notify"))
		pri_notify(pri, call->call, call->channel, atoi(last));
	else if (!strcmp(verb, "hangup"))
		pri_hangup(pri, call->call, atoi(last));
	else
		printf("error unknown command %s\n", verb);
}

/* The number in a "connected line" subcommand, if there is one. */
static const char *connected_number(struct pri_subcommands *subcommands)
{
	for (int i = 0; subcommands && i < subcommands->counter_subcmd; i++)
		if (subcommands->subcmd[i].cmd == PRI_SUBCMD_CONNECTED_LINE)
			return subcommands->subcmd[i].u.connected_line.id.number.str;
	return "";
}

static int is_in_band(int mask)
{
	return (mask & (PRI_PROG_INBAND_AVAILABLE | PRI_PROG_CALL_NOT_E2E_ISDN)) != 0;
}

static void ring(pri_event_ring *ring)
{
	int tag = next_incoming++;
	/* libpri reuses the memory of calls that are gone: an older tag of this call is one. */
	add(tag, ring->call, ring->channel);
	printf("ring %d channel=%d flexible=%d complete=%d called=%s calling=%s pres=%d name=%s redirecting=%s reason=%d "
	       "orig=%s bearer=%d useruser=%s\n",
		tag, ring->channel & 0xFF, ring->flexible, ring->complete, ring->callednum, ring->callingnum, ring->callingpres,
		ring->callingname, ring->redirectingnum, ring->redirectingreason, ring->origcallednum, ring->ctype,
		ring->useruserinfo);
}

static void handle(struct pri *pri, pri_event *event)
{
	switch (event->e) {
	case PRI_EVENT_DCHAN_UP:
		puts("up");
		break;
	case PRI_EVENT_DCHAN_DOWN:
		puts("down");
		break;
	case PRI_EVENT_RING:
		ring(&event->ring);
		break;
	case PRI_EVENT_SETUP_ACK:
		printf("setup_ack %d\n", tag_of(event->setup_ack.call));
		break;
	case PRI_EVENT_PROCEEDING:
		printf("proceeding %d inband=%d\n", tag_of(event->proceeding.call), is_in_band(event->proceeding.progressmask));
		break;
	case PRI_EVENT_PROGRESS:
		printf("progress %d inband=%d\n", tag_of(event->proceeding.call), is_in_band(event->proceeding.progressmask));
		break;
	case PRI_EVENT_RINGING:
		printf("ringing %d channel=%d\n", tag_of(event->ringing.call), event->ringing.channel & 0xFF);
		break;
	case PRI_EVENT_ANSWER:
		printf("answer %d number=%s\n", tag_of(event->answer.call), connected_number(event->answer.subcmds));
		break;
	case PRI_EVENT_CONNECT_ACK:
		printf("connect_ack %d\n", tag_of(event->connect_ack.call));
		break;
	case PRI_EVENT_INFO_RECEIVED:
		printf("digits %d %s\n", tag_of(event->ring.call), event->ring.callednum);
		break;
	case PRI_EVENT_KEYPAD_DIGIT:
		printf("keypad %d %s\n", tag_of(event->digit.call), event->digit.digits);
		break;
	case PRI_EVENT_NOTIFY:
		printf("notify %d %d\n", tag_of(event->notify.call), event->notify.info);
		break;
	case PRI_EVENT_HANGUP_REQ:
		printf("hangup_req %d %d\n", tag_of(event->hangup.call), event->hangup.cause);
		pri_hangup(pri, event->hangup.call, event->hangup.cause);
		break;
	case PRI_EVENT_HANGUP:
		printf("hangup %d %d\n", tag_of(event->hangup.call), event->hangup.cause);
		forget(event->hangup.call);
		pri_hangup(pri, event->hangup.call, event->hangup.cause);
		break;
	case PRI_EVENT_HANGUP_ACK:
		printf("hangup_ack %d\n", tag_of(event->hangup.call));
		forget(event->hangup.call);
		break;
	case PRI_EVENT_RESTART:
		printf("restart %d\n", event->restart.channel);
		break;
	case PRI_EVENT_RESTART_ACK:
		printf("restart_ack %d\n", event->restartack.channel);
		break;
	case PRI_EVENT_CONFIG_ERR:
		printf("error %s\n", event->err.err);
		break;
	default:
		break;
	}
}

/* Milliseconds until libpri wants to run, at most a second. */
static int wait_time(struct pri *pri)
{
	struct timeval *next = pri_schedule_next(pri), now;
	if (!next)
		return 1000;
	gettimeofday(&now, NULL);
	long ms = (next->tv_sec - now.tv_sec) * 1000L + (next->tv_usec - now.tv_usec) / 1000 + 1;
	return ms < 0 ? 0 : ms > 1000 ? 1000 : ms;
}

int main(int count, char **words)
{
	int fd = -1, overlap = 0, debug = 0, node = PRI_NETWORK, kind = PRI_SWITCH_EUROISDN_E1;
	for (int i = 1; i < count; i++) {
		if (!strcmp(words[i], "--user"))
			node = PRI_CPE;
		else if (!strcmp(words[i], "--overlap"))
			overlap = 1;
		else if (!strcmp(words[i], "--qsig"))
			kind = PRI_SWITCH_QSIG;
		else if (!strcmp(words[i], "--debug"))
			debug = 1;
		else if (!strcmp(words[i], "--fd") && i + 1 < count)
			fd = atoi(words[++i]);
		else if (!strcmp(words[i], "--dahdi") && i + 1 < count) {
			fd = open_dahdi(atoi(words[++i]));
			is_dahdi = 1;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	pri_set_message(say);
	pri_set_error(say);
	struct pri *pri = is_dahdi ? pri_new(fd, node, kind)
				   : pri_new_cb(fd, node, kind, read_frame, write_frame, NULL);
	if (!pri) {
		puts("error no D channel");
		return 1;
	}
	pri_facility_enable(pri);
	pri_set_overlapdial(pri, overlap);
	/* Without it a SETUP that is refused as busy is never answered. */
	pri_hangup_fix_enable(pri, 1);
	pri_display_options_send(pri, PRI_DISPLAY_OPTION_NAME_INITIAL | PRI_DISPLAY_OPTION_TEXT);
	if (debug)
		pri_set_debug(pri, PRI_DEBUG_Q921_STATE | PRI_DEBUG_Q921_DUMP | PRI_DEBUG_Q931_DUMP | PRI_DEBUG_Q931_STATE);
	puts("ready");

	static char line[4096];
	size_t length = 0;
	fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
	for (;;) {
		struct pollfd fds[2] = { { .fd = fd, .events = POLLIN | POLLPRI }, { .fd = STDIN_FILENO, .events = POLLIN } };
		poll(fds, 2, wait_time(pri));
		if (is_dahdi && fds[0].revents & POLLPRI) {
			int ignored;
			ioctl(fd, DAHDI_GETEVENT, &ignored);
		}
		if (fds[1].revents) {
			ssize_t got = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
			if (got == 0)
				return 0;
			if (got > 0) {
				length += got;
				line[length] = 0;
				char *end;
				while ((end = memchr(line, '\n', length))) {
					size_t used = end - line + 1;
					*end = 0;
					command(pri, line);
					memmove(line, line + used, length - used + 1);
					length -= used;
				}
			}
		}
		pri_event *event = fds[0].revents & POLLIN ? pri_check_event(pri) : pri_schedule_run(pri);
		for (; event; event = pri_schedule_run(pri))
			handle(pri, event);
		if (fds[0].revents & (POLLHUP | POLLERR) && !is_dahdi)
			return 0;
	}
}
