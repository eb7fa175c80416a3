// SPDX-License-Identifier: GPL-2.0-only
/*
 * Analogue DAHDI spans without hardware: the channels of one span are wired to those of the other by two-wire lines that
 * have what robbed bits cannot carry: battery, its polarity, ringing voltage, and a plug that can be pulled. They can
 * also have the echo of a hybrid at the card, and the card a canceller that takes it out.
 *
 * Span PAIRS/0 is a card of FXO and then FXS modules. Each channel of PAIRS/1 is the other end of the line of the same
 * place and takes the signalling of either end.
 *
 * Spans PAIRS/E1 and PAIRS/E2, if wanted, are E1s whose far ends send silence. What the first was configured to be can be
 * read from the module's parameters, and the errors that it counts and the alarms of both are written there. The card takes
 * its clock from the E1 of the lowest rank without alarm, as the wct4xxp driver has it.
 *
 * Debounce and the times after which a line is said to be dead are those of the wctdm24xxp driver.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <dahdi/kernel.h>

#define LINES_MAX	16
#define TIMESLOTS	31
#define E1_MAX		2
/* What a hybrid sends back of a sample: 12 dB less. */
#define HYBRID_LOSS	4
/* Milliseconds. */
#define BATTERY_DEBOUNCE	64
#define BATTERY_ALARM		1000
#define POLARITY_DEBOUNCE	64

static bool canceller;
module_param(canceller, bool, 0444);
MODULE_PARM_DESC(canceller, "Whether the card has an echo canceller of its own");
static bool hybrid;
module_param(hybrid, bool, 0644);
MODULE_PARM_DESC(hybrid, "Whether the card hears on its lines what it sends, 12 dB quieter");
static unsigned int fxo = 2;
module_param(fxo, uint, 0444);
MODULE_PARM_DESC(fxo, "FXO modules of the card");
static unsigned int fxs = 2;
module_param(fxs, uint, 0444);
MODULE_PARM_DESC(fxs, "FXS modules of the card, after the FXO modules");
static unsigned int e1;
module_param(e1, uint, 0444);
MODULE_PARM_DESC(e1, "E1 spans that there are as well, 0 to 2");
static int e1_alarms[E1_MAX];
module_param_array(e1_alarms, int, NULL, 0644);
MODULE_PARM_DESC(e1_alarms, "Alarms of the E1s (DAHDI_ALARM_*)");
/* In the order of the parameter's text. */
enum e1_error { E1_BPV, E1_CRC4, E1_EBIT, E1_FAS, E1_SLIPS, E1_ERRORS };
static unsigned int e1_errors[E1_ERRORS];
module_param_array(e1_errors, uint, NULL, 0644);
MODULE_PARM_DESC(e1_errors, "Bipolar violations, CRC-4 errors, E bits, frame alignment errors and slips of the E1");
static int e1_line;
module_param(e1_line, int, 0444);
MODULE_PARM_DESC(e1_line, "Line code and framing that the E1 was given (DAHDI_CONFIG_*)");
static int e1_clock;
module_param(e1_clock, int, 0444);
MODULE_PARM_DESC(e1_clock, "Rank that the E1 was given as a source of the clock");
static unsigned int e1_configured;
module_param(e1_configured, uint, 0444);
MODULE_PARM_DESC(e1_configured, "How often the E1 was configured");
static unsigned long unplugged;
module_param(unplugged, ulong, 0644);
MODULE_PARM_DESC(unplugged, "Lines whose plug is pulled, a bit for each, the first is bit 0");

/* The end that has the battery: an exchange, or a card's FXS module. */
struct feeding_end {
	struct dahdi_chan *chan;
	enum dahdi_txsig state;
	bool reversed;
	bool seen_loop;
};

/* The end that closes the loop: a telephone, or a card's FXO module. */
struct loop_end {
	struct dahdi_chan *chan;
	bool off_hook;
	bool ringing;
	bool reversed;
	unsigned int reversed_for;
	/* Whether the battery is there, after debouncing, and for how long that was not so. */
	bool battery;
	bool alarm;
	unsigned int battery_for;
};

struct line {
	struct feeding_end feeding;
	struct loop_end loop;
	struct dahdi_echocan_state echo;
	bool cancelled;
};

struct pairs {
	struct dahdi_device *device;
	struct dahdi_span spans[2];
	struct dahdi_span e1[E1_MAX];
	/* Ranks of the E1s as sources of the clock, 0 for none. */
	int ranks[E1_MAX];
	struct dahdi_chan *timeslots[E1_MAX][TIMESLOTS];
	struct dahdi_chan *chans[2][LINES_MAX];
	struct line lines[LINES_MAX];
	unsigned int count;
};

static struct pairs *pairs;

/* Which end of its line a channel is follows from the signalling it was given. */
static bool feeds(const struct dahdi_chan *chan)
{
	return chan->sig & __DAHDI_SIG_FXO;
}

static struct line *line_of(const struct dahdi_chan *chan)
{
	return &pairs->lines[chan->chanpos - 1];
}

/* The core holds the channel's lock. */
static int pairs_hooksig(struct dahdi_chan *chan, enum dahdi_txsig state)
{
	struct line *line = line_of(chan);

	if (feeds(chan))
		WRITE_ONCE(line->feeding.state, state);
	else
		WRITE_ONCE(line->loop.off_hook, state != DAHDI_TXSIG_ONHOOK);
	return 0;
}

static int pairs_ioctl(struct dahdi_chan *chan, unsigned int cmd, unsigned long data)
{
	struct line *line = line_of(chan);
	int value;

	if (!feeds(chan))
		return -ENOTTY;
	switch (cmd) {
	case DAHDI_SETPOLARITY:
		if (get_user(value, (int __user *)data))
			return -EFAULT;
		if (line->feeding.state == DAHDI_TXSIG_START || line->feeding.state == DAHDI_TXSIG_KEWL)
			return -EINVAL;
		WRITE_ONCE(line->feeding.reversed, value != 0);
		return 0;
	case DAHDI_ONHOOKTRANSFER:
		/* Sound passes all the time. */
		return 0;
	default:
		return -ENOTTY;
	}
}

static int pairs_chanconfig(struct file *file, struct dahdi_chan *chan, int sigtype)
{
	struct line *line = line_of(chan);

	if (sigtype & __DAHDI_SIG_FXO) {
		line->feeding.chan = chan;
		line->feeding.state = DAHDI_TXSIG_ONHOOK;
		line->feeding.reversed = false;
	} else if (sigtype & __DAHDI_SIG_FXS) {
		line->loop.chan = chan;
		line->loop.off_hook = false;
	}
	return 0;
}

static const char *pairs_echocan_name(const struct dahdi_chan *chan)
{
	return canceller && chan->span == &pairs->spans[0] ? "PAIRS" : NULL;
}

static void pairs_echocan_free(struct dahdi_chan *chan, struct dahdi_echocan_state *echo)
{
	WRITE_ONCE(line_of(chan)->cancelled, false);
}

static const struct dahdi_echocan_ops pairs_echocan_ops = {
	.echocan_free = pairs_echocan_free,
};

static int pairs_echocan_create(struct dahdi_chan *chan, struct dahdi_echocanparams *wanted,
				struct dahdi_echocanparam *params, struct dahdi_echocan_state **echo)
{
	struct line *line = line_of(chan);

	if (!pairs_echocan_name(chan))
		return -ENODEV;
	if (wanted->param_count)
		return -EINVAL;
	memset(&line->echo, 0, sizeof(line->echo));
	line->echo.ops = &pairs_echocan_ops;
	/* Tones of fax and modems do not concern it. */
	line->echo.features.CED_tx_detect = 1;
	line->echo.features.CED_rx_detect = 1;
	WRITE_ONCE(line->cancelled, true);
	*echo = &line->echo;
	return 0;
}

static void add_echo(struct dahdi_chan *chan)
{
	unsigned int x;

	for (x = 0; x < DAHDI_CHUNKSIZE; x++) {
		int sample = DAHDI_XLAW(chan->readchunk[x], chan) +
			     DAHDI_XLAW(chan->writechunk[x], chan) / HYBRID_LOSS;

		chan->readchunk[x] = DAHDI_LIN2X((short)clamp(sample, -32768, 32767), chan);
	}
}

static void tell_battery(struct loop_end *loop, bool battery)
{
	if (battery == loop->battery) {
		loop->battery_for++;
	} else {
		loop->battery_for = 0;
		loop->battery = battery;
	}
	if (loop->battery_for == BATTERY_DEBOUNCE && !loop->ringing)
		dahdi_hooksig(loop->chan, battery ? DAHDI_RXSIG_OFFHOOK : DAHDI_RXSIG_ONHOOK);
	if (loop->battery_for == BATTERY_ALARM && loop->alarm == battery) {
		loop->alarm = !battery;
		dahdi_alarm_channel(loop->chan, battery ? DAHDI_ALARM_NONE : DAHDI_ALARM_RED);
	}
}

static void tell_polarity(struct loop_end *loop, bool reversed)
{
	if (reversed == loop->reversed) {
		loop->reversed_for = 0;
	} else if (++loop->reversed_for == POLARITY_DEBOUNCE) {
		loop->reversed = reversed;
		loop->reversed_for = 0;
		dahdi_qevent_lock(loop->chan, DAHDI_EVENT_POLARITY);
	}
}

/* A millisecond of a line. No channel's lock is held. */
static void tick_line(struct line *line, bool plugged)
{
	enum dahdi_txsig state = READ_ONCE(line->feeding.state);
	bool off_hook = READ_ONCE(line->loop.off_hook);
	bool ringing = plugged && line->feeding.chan && state == DAHDI_TXSIG_START && !off_hook;
	bool battery = plugged && line->feeding.chan && state != DAHDI_TXSIG_KEWL;
	bool loop = plugged && line->loop.chan && off_hook;

	if (line->loop.chan) {
		if (ringing != line->loop.ringing) {
			line->loop.ringing = ringing;
			dahdi_hooksig(line->loop.chan, ringing ? DAHDI_RXSIG_RING : DAHDI_RXSIG_OFFHOOK);
		}
		tell_battery(&line->loop, battery);
		if (battery && !ringing)
			tell_polarity(&line->loop, READ_ONCE(line->feeding.reversed));
	}
	if (line->feeding.chan && loop != line->feeding.seen_loop) {
		line->feeding.seen_loop = loop;
		dahdi_hooksig(line->feeding.chan, loop ? DAHDI_RXSIG_OFFHOOK : DAHDI_RXSIG_ONHOOK);
	}
}

/* Every millisecond of the core, for each span; the first one's counts. */
static void pairs_sync_tick(struct dahdi_span *span, int is_master)
{
	unsigned long pulled = READ_ONCE(unplugged);
	unsigned int x;

	if (span != &pairs->spans[0])
		return;
	dahdi_transmit(&pairs->spans[0]);
	dahdi_transmit(&pairs->spans[1]);
	for (x = 0; x < pairs->count; x++) {
		struct dahdi_chan *near = pairs->chans[0][x], *far = pairs->chans[1][x];
		bool plugged = !(pulled & BIT(x));

		if (plugged) {
			memcpy(far->readchunk, near->writechunk, DAHDI_CHUNKSIZE);
			memcpy(near->readchunk, far->writechunk, DAHDI_CHUNKSIZE);
		} else {
			memset(far->readchunk, DAHDI_LIN2X(0, far), DAHDI_CHUNKSIZE);
			memset(near->readchunk, DAHDI_LIN2X(0, near), DAHDI_CHUNKSIZE);
		}
		if (READ_ONCE(hybrid) && !READ_ONCE(pairs->lines[x].cancelled))
			add_echo(near);
		tick_line(&pairs->lines[x], plugged);
	}
	dahdi_receive(&pairs->spans[0]);
	dahdi_receive(&pairs->spans[1]);
}

static int e1_spanconfig(struct file *file, struct dahdi_span *span, struct dahdi_lineconfig *wanted)
{
	WRITE_ONCE(pairs->ranks[span - pairs->e1], wanted->sync);
	if (span != &pairs->e1[0])
		return 0;
	e1_line = wanted->lineconfig;
	e1_clock = wanted->sync;
	e1_configured++;
	return 0;
}

/* The E1 that the card takes its clock from, by the number of its span; 0 for its own clock. */
static int clock_source(void)
{
	int best = 0, source = 0;
	unsigned int x;

	for (x = 0; x < e1; x++) {
		int rank = READ_ONCE(pairs->ranks[x]);

		if (!rank || (best && rank >= best) ||
		    (pairs->e1[x].alarms & (DAHDI_ALARM_RED | DAHDI_ALARM_BLUE)))
			continue;
		best = rank;
		source = pairs->e1[x].spanno;
	}
	return source;
}

static void e1_sync_tick(struct dahdi_span *span, int is_master)
{
	int alarms = READ_ONCE(e1_alarms[span - pairs->e1]);
	unsigned int x;

	if (alarms != span->alarms) {
		span->alarms = alarms;
		dahdi_alarm_notify(span);
	}
	span->syncsrc = clock_source();
	if (span == &pairs->e1[0]) {
		span->count.bpv = READ_ONCE(e1_errors[E1_BPV]);
		span->count.crc4 = READ_ONCE(e1_errors[E1_CRC4]);
		span->count.ebit = READ_ONCE(e1_errors[E1_EBIT]);
		span->count.fas = READ_ONCE(e1_errors[E1_FAS]);
		span->count.timingslips = READ_ONCE(e1_errors[E1_SLIPS]);
	}
	dahdi_transmit(span);
	for (x = 0; x < TIMESLOTS; x++)
		memset(span->chans[x]->readchunk, DAHDI_LIN2X(0, span->chans[x]), DAHDI_CHUNKSIZE);
	dahdi_receive(span);
}

static const struct dahdi_span_ops e1_ops = {
	.owner = THIS_MODULE,
	.spanconfig = e1_spanconfig,
	.sync_tick = e1_sync_tick,
};

static const struct dahdi_span_ops pairs_ops = {
	.owner = THIS_MODULE,
	.hooksig = pairs_hooksig,
	.ioctl = pairs_ioctl,
	.chanconfig = pairs_chanconfig,
	.sync_tick = pairs_sync_tick,
	.echocan_name = pairs_echocan_name,
	.echocan_create = pairs_echocan_create,
};

static void pairs_free(void)
{
	unsigned int end, x;

	for (end = 0; end < 2; end++)
		for (x = 0; x < LINES_MAX; x++)
			kfree(pairs->chans[end][x]);
	for (end = 0; end < E1_MAX; end++)
		for (x = 0; x < TIMESLOTS; x++)
			kfree(pairs->timeslots[end][x]);
	if (pairs->device)
		dahdi_free_device(pairs->device);
	kfree(pairs);
}

static int pairs_span(unsigned int end)
{
	struct dahdi_span *span = &pairs->spans[end];
	unsigned int x;

	snprintf(span->name, sizeof(span->name), "PAIRS/%u", end);
	snprintf(span->desc, sizeof(span->desc), "Analogue lines without hardware, end %u", end);
	span->spantype = SPANTYPE_ANALOG_MIXED;
	span->deflaw = DAHDI_LAW_ALAW;
	span->flags = DAHDI_FLAG_RBS;
	span->cannot_provide_timing = 1;
	span->chans = pairs->chans[end];
	span->channels = pairs->count;
	span->ops = &pairs_ops;
	for (x = 0; x < pairs->count; x++) {
		struct dahdi_chan *chan = kzalloc(sizeof(*chan), GFP_KERNEL);

		if (!chan)
			return -ENOMEM;
		pairs->chans[end][x] = chan;
		snprintf(chan->name, sizeof(chan->name), "PAIRS/%u/%u", end, x);
		chan->chanpos = x + 1;
		if (end == 1)
			chan->sigcap = DAHDI_SIG_FXSKS | DAHDI_SIG_FXSLS | DAHDI_SIG_FXOKS | DAHDI_SIG_FXOLS;
		else if (x < fxo)
			chan->sigcap = DAHDI_SIG_FXSKS | DAHDI_SIG_FXSLS;
		else
			chan->sigcap = DAHDI_SIG_FXOKS | DAHDI_SIG_FXOLS;
	}
	list_add_tail(&span->device_node, &pairs->device->spans);
	return 0;
}

static int e1_span(unsigned int place)
{
	struct dahdi_span *span = &pairs->e1[place];
	unsigned int x;

	snprintf(span->name, sizeof(span->name), "PAIRS/E%u", place + 1);
	snprintf(span->desc, sizeof(span->desc), "E1 without hardware");
	span->spantype = SPANTYPE_DIGITAL_E1;
	span->linecompat = DAHDI_CONFIG_AMI | DAHDI_CONFIG_HDB3 | DAHDI_CONFIG_CCS | DAHDI_CONFIG_CRC4;
	span->deflaw = DAHDI_LAW_ALAW;
	span->flags = DAHDI_FLAG_RBS;
	span->cannot_provide_timing = 1;
	span->chans = pairs->timeslots[place];
	span->channels = TIMESLOTS;
	span->ops = &e1_ops;
	for (x = 0; x < TIMESLOTS; x++) {
		struct dahdi_chan *chan = kzalloc(sizeof(*chan), GFP_KERNEL);

		if (!chan)
			return -ENOMEM;
		pairs->timeslots[place][x] = chan;
		snprintf(chan->name, sizeof(chan->name), "PAIRS/E%u/%u", place + 1, x);
		chan->chanpos = x + 1;
		chan->sigcap = DAHDI_SIG_CLEAR | DAHDI_SIG_CAS;
	}
	list_add_tail(&span->device_node, &pairs->device->spans);
	return 0;
}

static int __init pairs_init(void)
{
	unsigned int end;
	int res = -ENOMEM;

	if (fxo + fxs < 1 || fxo > LINES_MAX || fxs > LINES_MAX - fxo) {
		pr_err("a card has 1 to %d modules\n", LINES_MAX);
		return -EINVAL;
	}
	if (e1 > E1_MAX) {
		pr_err("a card has at most %d E1s\n", E1_MAX);
		return -EINVAL;
	}
	pairs = kzalloc(sizeof(*pairs), GFP_KERNEL);
	if (!pairs)
		return -ENOMEM;
	pairs->count = fxo + fxs;
	pairs->device = dahdi_create_device();
	if (!pairs->device)
		goto failed;
	pairs->device->manufacturer = "none";
	pairs->device->devicetype = "analogue lines without hardware";
	pairs->device->hardware_id = "pairs";
	dev_set_name(&pairs->device->dev, "dahdi-pairs");
	for (end = 0; end < 2; end++) {
		res = pairs_span(end);
		if (res)
			goto failed;
	}
	for (end = 0; end < e1; end++) {
		res = e1_span(end);
		if (res)
			goto failed;
	}
	res = dahdi_register_device(pairs->device, NULL);
	if (res)
		goto failed;
	return 0;
failed:
	pairs_free();
	return res;
}

static void __exit pairs_exit(void)
{
	dahdi_unregister_device(pairs->device);
	pairs_free();
}

module_init(pairs_init);
module_exit(pairs_exit);
MODULE_DESCRIPTION("Analogue DAHDI spans without hardware, wired to each other");
MODULE_LICENSE("GPL v2");
