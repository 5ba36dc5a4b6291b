/* A function's body, checked as WebAssembly's validation does: each instruction finds operands of
 * its types, each branch a label, and no address can reach beyond the guard. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/wasm_cursor.h"

enum { DEPTH_MAX = 20000, OPERANDS_MAX = 20000, UNKNOWN = 0 };

enum opcode {
    OP_UNREACHABLE = 0x00,
    OP_NOP = 0x01,
    OP_BLOCK = 0x02,
    OP_LOOP = 0x03,
    OP_IF = 0x04,
    OP_ELSE = 0x05,
    OP_END = 0x0b,
    OP_BR = 0x0c,
    OP_BR_IF = 0x0d,
    OP_BR_TABLE = 0x0e,
    OP_RETURN = 0x0f,
    OP_CALL = 0x10,
    OP_CALL_INDIRECT = 0x11,
    OP_DROP = 0x1a,
    OP_SELECT = 0x1b,
    OP_LOCAL_GET = 0x20,
    OP_LOCAL_SET = 0x21,
    OP_LOCAL_TEE = 0x22,
    OP_GLOBAL_GET = 0x23,
    OP_GLOBAL_SET = 0x24,
    OP_LOAD_FIRST = 0x28,
    OP_STORE_FIRST = 0x36,
    OP_STORE_LAST = 0x3e,
    OP_MEMORY_SIZE = 0x3f,
    OP_MEMORY_GROW = 0x40,
    OP_I32_CONST = 0x41,
    OP_F64_CONST = 0x44,
    OP_NUMERIC_FIRST = 0x45,
    OP_NUMERIC_LAST = 0xc4,
    OP_SATURATING = 0xfc
};

/* A block that is open. */
struct frame {
    uint8_t opcode, result;
    bool is_unreachable;
    uint32_t height; /* operands below it */
};

struct checker {
    const struct tt_wasm *wasm;
    const struct tt_wasm_signature *type;
    struct cursor cursor;
    uint8_t locals[TT_WASM_LOCALS_MAX], operands[OPERANDS_MAX];
    struct frame frames[DEPTH_MAX];
    uint32_t local_count, operand_count, depth;
    uint32_t function;
    const char *fault; /* the first one; NULL: none */
    int code;
};

static uint8_t type_of(char letter)
{
    return letter == 'i'   ? TT_WASM_I32
           : letter == 'I' ? TT_WASM_I64
           : letter == 'f' ? TT_WASM_F32
                           : TT_WASM_F64;
}

static void fault(struct checker *self, int code, const char *what)
{
    if (self->fault)
        return;
    self->fault = what;
    self->code = code;
}

static void push(struct checker *self, uint8_t type)
{
    if (self->operand_count == OPERANDS_MAX)
        fault(self, -ENOTSUP, "keeps too many values at once");
    else
        self->operands[self->operand_count++] = type;
}

static uint8_t pop_any(struct checker *self)
{
    const struct frame *frame = &self->frames[self->depth - 1];

    if (self->operand_count > frame->height)
        return self->operands[--self->operand_count];
    if (!frame->is_unreachable)
        fault(self, -EINVAL, "takes a value that is not there");
    return UNKNOWN;
}

static void pop(struct checker *self, uint8_t wanted)
{
    uint8_t type = pop_any(self);

    if (type != wanted && type != UNKNOWN && wanted != UNKNOWN)
        fault(self, -EINVAL, "takes a value of another type");
}

static void open_frame(struct checker *self, uint8_t opcode, uint8_t result)
{
    if (self->depth == DEPTH_MAX) {
        fault(self, -ENOTSUP, "nests too many blocks");
        return;
    }
    self->frames[self->depth++] =
        (struct frame){.opcode = opcode, .result = result, .height = self->operand_count};
}

static void close_frame(struct checker *self)
{
    struct frame *frame = &self->frames[self->depth - 1];

    if (frame->result)
        pop(self, frame->result);
    if (self->operand_count != frame->height)
        fault(self, -EINVAL, "leaves values behind at the end of a block");
    self->operand_count = frame->height;
}

static void be_unreachable(struct checker *self)
{
    struct frame *frame = &self->frames[self->depth - 1];

    self->operand_count = frame->height;
    frame->is_unreachable = true;
}

/* What a branch to the label carries; UNKNOWN: nothing. */
static uint8_t label_type(struct checker *self, uint32_t label)
{
    const struct frame *frame;

    if (label >= self->depth) {
        fault(self, -EINVAL, "branches to a block that is not there");
        return UNKNOWN;
    }
    frame = &self->frames[self->depth - 1 - label];
    return frame->opcode == OP_LOOP ? UNKNOWN : frame->result;
}

static void check_block(struct checker *self, uint8_t opcode)
{
    uint8_t type = cursor_byte(&self->cursor);

    if (type != 0x40 && (type < TT_WASM_F64 || type > TT_WASM_I32)) {
        fault(self, -ENOTSUP, "has a block of several values (multi-value)");
        return;
    }
    if (opcode == OP_IF)
        pop(self, TT_WASM_I32);
    open_frame(self, opcode, type == 0x40 ? 0 : type);
}

static void check_else(struct checker *self)
{
    struct frame *frame = &self->frames[self->depth - 1];

    if (frame->opcode != OP_IF) {
        fault(self, -EINVAL, "has an else without an if");
        return;
    }
    close_frame(self);
    frame->opcode = OP_ELSE;
    frame->is_unreachable = false;
}

static void check_end(struct checker *self)
{
    struct frame frame = self->frames[self->depth - 1];

    close_frame(self);
    if (frame.opcode == OP_IF && frame.result)
        fault(self, -EINVAL, "has an if with a value and no else");
    self->depth--;
    if (frame.result && self->depth > 0)
        push(self, frame.result);
}

static void check_branch_table(struct checker *self)
{
    uint32_t count = cursor_u32(&self->cursor);
    uint8_t type = UNKNOWN, one;

    pop(self, TT_WASM_I32);
    for (uint32_t n = 0; n <= count && !self->cursor.is_broken && !self->fault; n++) {
        one = label_type(self, cursor_u32(&self->cursor));
        if (n > 0 && one != type)
            fault(self, -EINVAL, "has a switch whose branches carry different things");
        type = one;
    }
    if (type != UNKNOWN)
        pop(self, type);
    be_unreachable(self);
}

static void check_branch(struct checker *self, uint8_t opcode)
{
    uint8_t type;

    if (opcode == OP_BR_TABLE) {
        check_branch_table(self);
        return;
    }
    type = opcode == OP_RETURN ? self->type->result : label_type(self, cursor_u32(&self->cursor));
    if (opcode == OP_BR_IF)
        pop(self, TT_WASM_I32);
    if (type != UNKNOWN)
        pop(self, type);
    if (opcode != OP_BR_IF)
        be_unreachable(self);
    else if (type != UNKNOWN)
        push(self, type);
}

static void check_call(struct checker *self, uint8_t opcode)
{
    uint32_t place = cursor_u32(&self->cursor);
    const struct tt_wasm_signature *type;

    if (opcode == OP_CALL_INDIRECT) {
        if (place >= self->wasm->type_count || cursor_byte(&self->cursor) != 0 ||
            !self->wasm->has_table) {
            fault(self, -EINVAL, "calls by a table or a type that is not there");
            return;
        }
        type = &self->wasm->types[place];
        pop(self, TT_WASM_I32);
    } else {
        if (place >= self->wasm->function_count) {
            fault(self, -EINVAL, "calls a function that is not there");
            return;
        }
        type = &self->wasm->types[self->wasm->functions[place].type];
    }
    for (uint32_t n = type->param_count; n > 0; n--)
        pop(self, type->params[n - 1]);
    if (type->result)
        push(self, type->result);
}

static void check_variable(struct checker *self, uint8_t opcode)
{
    bool is_global = opcode >= OP_GLOBAL_GET;
    uint32_t place = cursor_u32(&self->cursor);
    uint8_t type;

    if (place >= (is_global ? self->wasm->global_count : self->local_count)) {
        fault(self, -EINVAL, "uses a variable that is not there");
        return;
    }
    type = is_global ? self->wasm->globals[place].type : self->locals[place];
    if (opcode == OP_GLOBAL_SET && !self->wasm->globals[place].is_mutable)
        fault(self, -EINVAL, "writes a constant");
    if (opcode == OP_LOCAL_SET || opcode == OP_LOCAL_TEE || opcode == OP_GLOBAL_SET)
        pop(self, type);
    if (opcode == OP_LOCAL_GET || opcode == OP_LOCAL_TEE || opcode == OP_GLOBAL_GET)
        push(self, type);
}

/* Address and offset together must stay within what the guard covers: 2^32 and 2^31. */
static void check_memory(struct checker *self, uint8_t opcode)
{
    static const char types[] = "iIfFiiiiIIIIIIiIfFiiIII", widths[] = "23230011001122232301012";
    uint32_t place = (uint32_t)(opcode - OP_LOAD_FIRST), align, offset;
    uint8_t type = type_of(types[place]);

    align = cursor_u32(&self->cursor);
    offset = cursor_u32(&self->cursor);
    if (align > (uint32_t)(widths[place] - '0'))
        fault(self, -EINVAL, "reads or writes with a wrong alignment");
    if (offset >= UINT32_C(1) << 31)
        fault(self, -ENOTSUP,
              "reads or writes at an offset of 2 GiB or more, beyond what the guard covers");
    if (opcode >= OP_STORE_FIRST)
        pop(self, type);
    pop(self, TT_WASM_I32);
    if (opcode < OP_STORE_FIRST)
        push(self, type);
}

static void check_constant(struct checker *self, uint8_t opcode)
{
    static const char types[] = "iIfF";
    uint32_t place = (uint32_t)(opcode - OP_I32_CONST);

    if (place < 2)
        (void)cursor_leb(&self->cursor, place ? 64 : 32, true);
    else
        (void)cursor_skip(&self->cursor, place == 2 ? 4 : 8);
    push(self, type_of(types[place]));
}

struct numeric {
    uint8_t last; /* this opcode and those up to here, from the one before */
    const char *takes, *gives;
};

static const struct numeric numerics[] = {
    {0x45, "i", "i"},  {0x4f, "ii", "i"}, {0x50, "I", "i"},  {0x5a, "II", "i"}, {0x60, "ff", "i"},
    {0x66, "FF", "i"}, {0x69, "i", "i"},  {0x78, "ii", "i"}, {0x7b, "I", "I"},  {0x8a, "II", "I"},
    {0x91, "f", "f"},  {0x98, "ff", "f"}, {0x9f, "F", "F"},  {0xa6, "FF", "F"}, {0xa7, "I", "i"},
    {0xa9, "f", "i"},  {0xab, "F", "i"},  {0xad, "i", "I"},  {0xaf, "f", "I"},  {0xb1, "F", "I"},
    {0xb3, "i", "f"},  {0xb5, "I", "f"},  {0xb6, "F", "f"},  {0xb8, "i", "F"},  {0xba, "I", "F"},
    {0xbb, "f", "F"},  {0xbc, "f", "i"},  {0xbd, "F", "I"},  {0xbe, "i", "f"},  {0xbf, "I", "F"},
    {0xc1, "i", "i"},  {0xc4, "I", "I"},
};

static void check_numeric(struct checker *self, uint8_t opcode)
{
    const struct numeric *numeric = numerics;

    while (numeric->last < opcode)
        numeric++;
    for (size_t n = strlen(numeric->takes); n > 0; n--)
        pop(self, type_of(numeric->takes[n - 1]));
    push(self, type_of(numeric->gives[0]));
}

static void check_saturating(struct checker *self)
{
    static const char takes[] = "ffFFffFF", gives[] = "iiiiIIII";
    uint32_t place = cursor_u32(&self->cursor);

    if (place > 7) {
        fault(self, -ENOTSUP,
              "copies memory or changes a table at once (bulk memory; -mno-bulk-memory)");
        return;
    }
    pop(self, type_of(takes[place]));
    push(self, type_of(gives[place]));
}

static void check_select(struct checker *self)
{
    uint8_t first, second;

    pop(self, TT_WASM_I32);
    second = pop_any(self);
    first = pop_any(self);
    if (first != second && first != UNKNOWN && second != UNKNOWN)
        fault(self, -EINVAL, "selects between values of two types");
    push(self, first == UNKNOWN ? second : first);
}

static const char *refused_words(uint8_t opcode)
{
    return opcode == 0xfd                     ? "uses SIMD, which the translator does not know"
           : opcode == 0xfe                   ? "uses atomics (threads)"
           : opcode >= 0x06 && opcode <= 0x19 ? "uses exceptions or tail calls"
           : opcode == 0x1c || (opcode >= 0x25 && opcode <= 0x26) ||
                   (opcode >= 0xd0 && opcode <= 0xd2)
               ? "uses references"
               : "has an instruction that is none";
}

static void check_rest(struct checker *self, uint8_t opcode)
{
    switch (opcode) {
    case OP_UNREACHABLE:
        be_unreachable(self);
        break;
    case OP_NOP:
        break;
    case OP_DROP:
        (void)pop_any(self);
        break;
    case OP_SELECT:
        check_select(self);
        break;
    case OP_MEMORY_SIZE:
    case OP_MEMORY_GROW:
        if (cursor_byte(&self->cursor) != 0)
            fault(self, -ENOTSUP, "speaks of a second memory");
        if (opcode == OP_MEMORY_GROW)
            pop(self, TT_WASM_I32);
        push(self, TT_WASM_I32);
        break;
    case OP_SATURATING:
        check_saturating(self);
        break;
    default:
        fault(self, -ENOTSUP, refused_words(opcode));
    }
}

static void check_instruction(struct checker *self, uint8_t opcode)
{
    if (opcode >= OP_BLOCK && opcode <= OP_IF)
        check_block(self, opcode);
    else if (opcode == OP_ELSE)
        check_else(self);
    else if (opcode == OP_END)
        check_end(self);
    else if (opcode >= OP_BR && opcode <= OP_RETURN)
        check_branch(self, opcode);
    else if (opcode == OP_CALL || opcode == OP_CALL_INDIRECT)
        check_call(self, opcode);
    else if (opcode >= OP_LOCAL_GET && opcode <= OP_GLOBAL_SET)
        check_variable(self, opcode);
    else if (opcode >= OP_LOAD_FIRST && opcode <= OP_STORE_LAST)
        check_memory(self, opcode);
    else if (opcode >= OP_I32_CONST && opcode <= OP_F64_CONST)
        check_constant(self, opcode);
    else if (opcode >= OP_NUMERIC_FIRST && opcode <= OP_NUMERIC_LAST)
        check_numeric(self, opcode);
    else
        check_rest(self, opcode);
}

static void add_locals(struct checker *self, uint32_t count, uint8_t type)
{
    if (count > TT_WASM_LOCALS_MAX - self->local_count) {
        fault(self, -ENOTSUP, "has too many variables");
        return;
    }
    memset(self->locals + self->local_count, type, count);
    self->local_count += count;
}

static void read_locals(struct checker *self)
{
    uint32_t groups = cursor_u32(&self->cursor);

    for (uint32_t n = 0; n < self->type->param_count; n++)
        add_locals(self, 1, self->type->params[n]);
    for (uint32_t n = 0; n < groups && !self->cursor.is_broken && !self->fault; n++) {
        uint32_t count = cursor_u32(&self->cursor);
        uint8_t type = cursor_byte(&self->cursor);

        if (type < TT_WASM_F64 || type > TT_WASM_I32)
            fault(self, -ENOTSUP, "has a variable that is no number");
        add_locals(self, count, type);
    }
}

int wasm_check_body(const struct tt_wasm *wasm, uint32_t function, struct tt_error *err)
{
    const struct tt_wasm_body *body = &wasm->functions[function];
    struct checker *self = malloc(sizeof(*self));
    char words[160];
    int r = 0;

    if (!self)
        return tt_fail(err, -ENOMEM, "no memory to check a module");
    self->wasm = wasm;
    self->type = &wasm->types[body->type];
    self->cursor =
        (struct cursor){.data = wasm->data, .at = body->at, .end = body->at + body->bytes};
    self->function = function;
    self->local_count = self->operand_count = self->depth = 0;
    self->fault = NULL;
    read_locals(self);
    open_frame(self, OP_BLOCK, self->type->result);
    while (self->depth > 0 && !self->fault && !self->cursor.is_broken)
        check_instruction(self, cursor_byte(&self->cursor));
    if (!self->fault && (self->cursor.is_broken || self->cursor.at != self->cursor.end))
        fault(self, -EINVAL, "ends too early or too late");
    if (self->fault)
        r = tt_fail(err, self->code, "%s %s", wasm_function_words(wasm, function, words),
                    self->fault);
    free(self);
    return r;
}
