/*
 * spandsp as the other side of the signal processing tests: a process of its own that sends or
 * receives 16-bit samples in the machine's order at 8,000 a second.
 *
 *   peer dtmf-send KEYS LEVEL TWIST ON_MS OFF_MS    peer dtmf-receive
 *   peer r2-send forward|backward                   peer r2-receive forward|backward
 *   peer caller-id-send bell|v23 NUMBER NAME        peer caller-id-receive bell|v23
 *   peer g722-encode    peer g722-decode            (16,000 samples a second to octets and back)
 *
 * What sends writes samples to standard output; what receives reads samples from standard input
 * and writes lines of text.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPANDSP_EXPOSE_INTERNAL_STRUCTURES
#include <spandsp.h>

#define BLOCK 160

static const char SIGNALS[] = "1234567890BCDEF";

static void put(const int16_t *samples, int count)
{
    if (fwrite(samples, sizeof *samples, (size_t) count, stdout) != (size_t) count)
        exit(1);
}

static void silence(int milliseconds)
{
    static const int16_t nothing[8];
    for (int i = 0; i < milliseconds; i++)
        put(nothing, 8);
}

static int get(int16_t *samples)
{
    return (int) fread(samples, sizeof *samples, BLOCK, stdin);
}

static void keys(void *user, const char *digits, int count)
{
    (void) user;
    printf("%.*s", count, digits);
}

static void dtmf_send(char **arguments)
{
    dtmf_tx_state_t *state = dtmf_tx_init(NULL);
    int16_t samples[BLOCK];
    int count;

    dtmf_tx_set_level(state, atoi(arguments[1]), atoi(arguments[2]));
    dtmf_tx_set_timing(state, atoi(arguments[3]), atoi(arguments[4]));
    silence(100);
    for (const char *key = arguments[0]; *key != '\0'; key++) {
        dtmf_tx_put(state, key, 1);
        while ((count = dtmf_tx(state, samples, BLOCK)) > 0)
            put(samples, count);
    }
    silence(200);
}

static void dtmf_receive(void)
{
    dtmf_rx_state_t *state = dtmf_rx_init(NULL, keys, NULL);
    int16_t samples[BLOCK];
    int count;

    while ((count = get(samples)) > 0)
        dtmf_rx(state, samples, count);
    putchar('\n');
}

static void r2_send(int forward)
{
    r2_mf_tx_state_t *state = r2_mf_tx_init(NULL, forward);
    int16_t samples[8 * 80];

    silence(100);
    for (const char *signal = SIGNALS; *signal != '\0'; signal++) {
        r2_mf_tx_put(state, *signal);
        put(samples, r2_mf_tx(state, samples, 8 * 80));
        silence(80);
    }
}

static void signal_changed(void *user, int code, int level, int delay)
{
    (void) user;
    (void) level;
    (void) delay;
    if (code != 0)
        putchar(code);
}

static void r2_receive(int forward)
{
    r2_mf_rx_state_t *state = r2_mf_rx_init(NULL, forward, signal_changed, NULL);
    int16_t samples[BLOCK];
    int count;

    while ((count = get(samples)) > 0)
        r2_mf_rx(state, samples, count);
    putchar('\n');
}

static int standard_of(const char *name)
{
    return strcmp(name, "bell") == 0 ? ADSI_STANDARD_CLASS : ADSI_STANDARD_CLIP;
}

static void caller_id_send(int standard, const char *number, const char *name)
{
    adsi_tx_state_t *state = adsi_tx_init(NULL, standard);
    uint8_t message[256];
    int16_t samples[BLOCK];
    int length;

    length = adsi_add_field(state, message, -1, 0x80, NULL, 0);
    length = adsi_add_field(state, message, length, 0x01, (const uint8_t *) "11210558", 8);
    length = adsi_add_field(state, message, length, 0x02, (const uint8_t *) number, (int) strlen(number));
    length = adsi_add_field(state, message, length, 0x07, (const uint8_t *) name, (int) strlen(name));
    silence(300);
    adsi_tx_put_message(state, message, length);
    for (;;) {
        int count = adsi_tx(state, samples, BLOCK);
        if (count <= 0)
            break;
        put(samples, count);
    }
    silence(300);
}

struct receiver {
    adsi_rx_state_t *state;
};

static void message(void *user, const uint8_t *octets, int length)
{
    struct receiver *receiver = user;
    uint8_t type;
    const uint8_t *body;
    int size;
    int place = -1;

    for (;;) {
        place = adsi_next_field(receiver->state, octets, length, place, &type, &body, &size);
        if (place <= 0)
            break;
        if (body == NULL)
            printf("message %02x\n", type);
        else
            printf("%02x %.*s\n", type, size, (const char *) body);
    }
}

static void caller_id_receive(int standard)
{
    struct receiver receiver;
    int16_t samples[BLOCK];
    int count;

    receiver.state = adsi_rx_init(NULL, standard, message, &receiver);
    while ((count = get(samples)) > 0)
        adsi_rx(receiver.state, samples, count);
}

static void g722_send(void)
{
    g722_encode_state_t *state = g722_encode_init(NULL, 64000, 0);
    int16_t samples[BLOCK];
    uint8_t octets[BLOCK];
    int count;

    while ((count = get(samples)) > 0) {
        count = g722_encode(state, octets, samples, count);
        fwrite(octets, 1, (size_t) count, stdout);
    }
}

static void g722_receive(void)
{
    g722_decode_state_t *state = g722_decode_init(NULL, 64000, 0);
    uint8_t octets[BLOCK];
    int16_t samples[2 * BLOCK];
    size_t count;

    while ((count = fread(octets, 1, BLOCK, stdin)) > 0)
        put(samples, g722_decode(state, samples, octets, (int) count));
}

/* A sample and an octet each: the sample in A-law and mu-law, the octet taken for either, and converted both ways. */
static void g711(void)
{
    struct {
        int16_t sample;
        uint8_t octet;
        uint8_t filler;
    } in;
    struct {
        int16_t alaw, ulaw;
        uint8_t to_alaw, to_ulaw, alaw_to_ulaw, ulaw_to_alaw;
    } out;

    while (fread(&in, sizeof(in), 1, stdin) == 1) {
        out.alaw = alaw_to_linear(in.octet);
        out.ulaw = ulaw_to_linear(in.octet);
        out.to_alaw = linear_to_alaw(in.sample);
        out.to_ulaw = linear_to_ulaw(in.sample);
        out.alaw_to_ulaw = alaw_to_ulaw(in.octet);
        out.ulaw_to_alaw = ulaw_to_alaw(in.octet);
        fwrite(&out, sizeof(out), 1, stdout);
    }
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";

    if (strcmp(what, "dtmf-send") == 0 && count == 7)
        dtmf_send(arguments + 2);
    else if (strcmp(what, "dtmf-receive") == 0)
        dtmf_receive();
    else if (strcmp(what, "r2-send") == 0 && count == 3)
        r2_send(strcmp(arguments[2], "forward") == 0);
    else if (strcmp(what, "r2-receive") == 0 && count == 3)
        r2_receive(strcmp(arguments[2], "forward") == 0);
    else if (strcmp(what, "caller-id-send") == 0 && count == 5)
        caller_id_send(standard_of(arguments[2]), arguments[3], arguments[4]);
    else if (strcmp(what, "caller-id-receive") == 0 && count == 3)
        caller_id_receive(standard_of(arguments[2]));
    else if (strcmp(what, "g722-encode") == 0)
        g722_send();
    else if (strcmp(what, "g711") == 0)
        g711();
    else if (strcmp(what, "g722-decode") == 0)
        g722_receive();
    else
        return 2;
    return fflush(stdout) == 0 ? 0 : 1;
}
