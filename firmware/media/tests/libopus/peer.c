/*
 * libopus as the other side: a process of its own.
 *
 *   peer encode RATE BITRATE    samples (16-bit, the machine's order) to packets
 *   peer decode RATE            packets to samples
 *   peer decode RATE LOST FEC   the same, each LOSTth packet lost; FEC 1 repairs it out of the next one, 0 conceals it
 *
 * A packet is its length in two octets, most significant first, and its octets. Standard input to
 * standard output; frames of 20 ms.
 */
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void encode(int rate, int bitrate)
{
    int error, count = rate / 50;
    int16_t samples[960];
    unsigned char packet[1275], head[2];
    OpusEncoder *encoder = opus_encoder_create(rate, 1, OPUS_APPLICATION_VOIP, &error);

    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate));
    while (fread(samples, sizeof *samples, (size_t) count, stdin) == (size_t) count) {
        int length = opus_encode(encoder, samples, count, packet, sizeof packet);
        if (length < 0)
            exit(1);
        head[0] = (unsigned char) (length >> 8);
        head[1] = (unsigned char) length;
        fwrite(head, 1, 2, stdout);
        fwrite(packet, 1, (size_t) length, stdout);
    }
}

static void decode(int rate, int lost, int repair)
{
    int error;
    int16_t samples[5760];
    unsigned char packet[1275], head[2];
    OpusDecoder *decoder = opus_decoder_create(rate, 1, &error);

    for (int number = 1; fread(head, 1, 2, stdin) == 2; number++) {
        size_t length = (size_t) head[0] << 8 | head[1];
        if (length > sizeof packet || fread(packet, 1, length, stdin) != length)
            exit(1);
        if (lost && number % lost == 0)
            continue;
        if (lost && number % lost == 1 && number > lost) {
            int count = opus_decode(decoder, repair ? packet : NULL, repair ? (opus_int32) length : 0, samples, rate / 50,
                                    repair);
            if (count != rate / 50)
                exit(1);
            fwrite(samples, sizeof *samples, (size_t) count, stdout);
        }
        int count = opus_decode(decoder, packet, (opus_int32) length, samples, 5760, 0);
        if (count < 0)
            exit(1);
        fwrite(samples, sizeof *samples, (size_t) count, stdout);
    }
}

int main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], "encode") == 0)
        encode(atoi(arguments[2]), atoi(arguments[3]));
    else if (count == 3 && strcmp(arguments[1], "decode") == 0)
        decode(atoi(arguments[2]), 0, 0);
    else if (count == 5 && strcmp(arguments[1], "decode") == 0)
        decode(atoi(arguments[2]), atoi(arguments[3]), atoi(arguments[4]));
    else
        return 2;
    return fflush(stdout) == 0 ? 0 : 1;
}
