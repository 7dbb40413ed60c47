/*
 * A plugin for qemu's user-mode emulation: how many instructions a program executes, and how many of them are
 * AArch64 dot products of bytes (SDOT, UDOT, SUDOT, USDOT) or products of matrices of bytes (SMMLA, UMMLA, USMMLA).
 *
 * Each translated block adds its own numbers when it is entered. The numbers go to standard error at exit. They are
 * exact for one thread; threads that count at the same moment may lose some.
 *
 * Debian has no package with qemu's header, so what is used of the plugin interface, version 1, is declared here.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct block;
struct instruction;
struct about;

enum { ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int operation, void *number, uint64_t by);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct block *);
struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
const void *qemu_plugin_insn_data(const struct instruction *);

#define SEEN_BY_QEMU __attribute__((visibility("default")))

SEEN_BY_QEMU int qemu_plugin_version = 1;

static uint64_t instructions, dots;

/* The bits that tell an instruction from others, and their values. */
static const struct { uint32_t mask, value; } DOTS[] = {
    { 0x9fe0fc00, 0x0e809400 }, /* SDOT, UDOT of vectors */
    { 0x9fc0f400, 0x0f80e000 }, /* SDOT, UDOT by an element */
    { 0xbfe0fc00, 0x0e809c00 }, /* USDOT of vectors */
    { 0xbf40f400, 0x0f00f000 }, /* SUDOT, USDOT by an element */
    { 0xdfe0fc00, 0x4e80a400 }, /* SMMLA, UMMLA */
    { 0xffe0fc00, 0x4e80ac00 }, /* USMMLA */
};

static int is_dot(const struct instruction *one)
{
    uint32_t word;
    memcpy(&word, qemu_plugin_insn_data(one), sizeof word);
    for (size_t i = 0; i < sizeof DOTS / sizeof *DOTS; i++)
        if ((word & DOTS[i].mask) == DOTS[i].value)
            return 1;
    return 0;
}

static void translated(plugin_id id, struct block *block)
{
    size_t all = qemu_plugin_tb_n_insns(block), some = 0;
    (void)id;
    for (size_t i = 0; i < all; i++)
        some += is_dot(qemu_plugin_tb_get_insn(block, i));
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &instructions, all);
    if (some)
        qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &dots, some);
}

static void ended(plugin_id id, void *unused)
{
    (void)id, (void)unused;
    fprintf(stderr, "counted %" PRIu64 " instructions %" PRIu64 " dots\n", instructions, dots);
}

SEEN_BY_QEMU int qemu_plugin_install(plugin_id id, const struct about *about, int argc, char **argv)
{
    (void)about, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
