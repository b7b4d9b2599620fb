/*
 * stream.c - walks the grammar with dice, then spoils some of what came out.
 *
 * Connections take turns of some twenty commands, which go out as one
 * pipeline. A form that cannot be inside MULTI (it has silent commands, or more
 * connections) is only used on a connection that is surely outside.
 */
#include "stream.h"

#include <string.h>

enum { ARGS_MAX = 256, TURN_MAX = 40 };

struct drawing {
    const struct grammar *grammar;
    struct arena *arena;
    struct chance chance;
    struct stream *stream;
    uint32_t room;
    uint32_t conn;
    uint32_t groups;
    bool may_be_multi[CONNS_STEADY];
    struct word words[ARGS_MAX];
    uint32_t count;
    const struct op *left; /* what %N refers to */
};

static void draw_part(struct drawing *drawing, const struct part *part);

static void
put_word(struct drawing *drawing, struct word word)
{
    if (drawing->count < ARGS_MAX) drawing->words[drawing->count++] = word;
}

static void
draw_kids(struct drawing *drawing, const struct part *part)
{
    for (uint32_t i = 0; i < part->count; i++) {
        draw_part(drawing, part->kids[i]);
    }
}

static void
draw_one(struct drawing *drawing, const struct part *part)
{
    draw_part(drawing, part->kids[chance_below(&drawing->chance, part->count)]);
}

static void
draw_term(struct drawing *drawing, const struct part *part)
{
    struct word several[WORDS_MAX];
    uint32_t count =
        words_draw(part->index, drawing->arena, &drawing->chance, several);

    for (uint32_t i = 0; i < count; i++)
        put_word(drawing, several[i]);
}

static void
draw_part(struct drawing *drawing, const struct part *part)
{
    uint64_t times;

    switch (part->kind) {
    case PART_WORD:
        put_word(drawing, (struct word){WORD_PLAIN, true, part->word});
        break;
    case PART_TERM: draw_term(drawing, part); break;
    case PART_RULE: draw_part(drawing, part->rule); break;
    case PART_ALL: draw_kids(drawing, part); break;
    case PART_ONE: draw_one(drawing, part); break;
    case PART_MAYBE:
        if (chance_percent(&drawing->chance, 50)) draw_one(drawing, part);
        break;
    case PART_MANY:
        times = 1 + chance_below(&drawing->chance, 4);
        if (chance_percent(&drawing->chance, 40)) times = 1;
        for (uint64_t i = 0; i < times; i++)
            draw_one(drawing, part);
        break;
    case PART_BACK:
        if (drawing->left != NULL && part->index < drawing->left->count) {
            put_word(drawing, drawing->left->args[part->index]);
        }
        break;
    }
}

static struct word *
keep_words(struct drawing *drawing)
{
    size_t bytes = drawing->count * sizeof(struct word);
    struct word *words = arena_alloc(drawing->arena, bytes + 1);

    memcpy(words, drawing->words, bytes);
    return words;
}

/* ---- spoiling ---- */

static void
change_case(struct drawing *drawing)
{
    for (uint32_t i = 0; i < drawing->count; i++) {
        struct word *word = &drawing->words[i];
        char *copy;

        if (!word->is_keyword || chance_percent(&drawing->chance, 50)) continue;
        word->text =
            arena_piece(drawing->arena, word->text.data, word->text.size);
        copy = arena_alloc(drawing->arena, word->text.size + 1);
        for (size_t at = 0; at < word->text.size; at++) {
            char c = word->text.data[at];

            if (((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) &&
                chance_percent(&drawing->chance, 70)) {
                c = (char)(c ^ 0x20);
            }
            copy[at] = c;
        }
        word->text.data = copy;
    }
}

static void
spoil(struct drawing *drawing, const struct row *row)
{
    uint64_t dice = chance_below(&drawing->chance, 1000);
    /* the name stays, of a subcommand both words: another command would be
     * compared in another mode */
    uint32_t least = strchr(row->name, '|') != NULL ? 2 : 1;
    uint32_t rest = drawing->count > least ? drawing->count - least : 0;

    if (row->is_fixed) return;
    if (dice < 60) {
        change_case(drawing);
    } else if (dice < 80 && rest > 0) {
        drawing->count -= 1 + (uint32_t)chance_below(&drawing->chance, rest);
    } else if (dice < 95) {
        put_word(drawing,
                 (struct word){WORD_PLAIN, false,
                               words_junk(drawing->arena, &drawing->chance)});
    } else if (dice < 110 && rest > 0) {
        uint32_t at = least + (uint32_t)chance_below(&drawing->chance, rest);

        drawing->words[at] = (struct word){
            WORD_PLAIN, false, words_junk(drawing->arena, &drawing->chance)};
    }
}

/* A request line: short, without parts that only the sender knows. */
static bool
can_be_inline(const struct op *op)
{
    size_t size = 0;

    if (op->step->is_raw || op->count == 0) return false;
    for (uint32_t i = 0; i < op->count; i++) {
        if (op->args[i].kind != WORD_PLAIN) return false;
        size += op->args[i].text.size;
    }
    return size > 0 && size < 2000;
}

/* ---- forms ---- */

static void
draw_step(struct drawing *drawing, struct row *row, const struct form *form,
          const struct step *step)
{
    struct op *op = &drawing->stream->ops[drawing->stream->count++];

    op->row = row;
    op->step = step;
    op->group = drawing->groups;
    op->conn = step->conn == 0 ? drawing->conn : CONNS_STEADY + step->conn - 1;
    drawing->count = 0;
    draw_part(drawing, step->body);
    if (form->count == 1 && step->reference == NULL && !step->is_raw) {
        spoil(drawing, row);
    }
    op->args = keep_words(drawing);
    op->count = drawing->count;
    if (step->reference != NULL) {
        drawing->left = op;
        drawing->count = 0;
        draw_part(drawing, step->reference);
        op->reference = keep_words(drawing);
        op->reference_count = drawing->count;
    } else if (chance_percent(&drawing->chance, 2)) {
        op->is_inline = can_be_inline(op);
    }
}

static const struct form *
choose_form(struct drawing *drawing, const struct row *row)
{
    uint64_t at = chance_below(&drawing->chance, row->total);
    uint32_t i = 0;

    while (at >= row->forms[i].weight)
        at -= row->forms[i++].weight;
    return &row->forms[i];
}

static struct row *
choose_row(struct drawing *drawing)
{
    uint64_t at = chance_below(&drawing->chance, drawing->grammar->total);
    uint32_t i = 0;

    while (at >= drawing->grammar->rows[i].weight) {
        at -= drawing->grammar->rows[i++].weight;
    }
    return &drawing->grammar->rows[i];
}

static void
note_multi(struct drawing *drawing, const struct row *row)
{
    bool *is_multi = &drawing->may_be_multi[drawing->conn];

    if (strcmp(row->name, "MULTI") == 0) *is_multi = true;
}

/* Ends what may be a transaction, for a form that cannot be inside one. */
static void
leave_multi(struct drawing *drawing)
{
    static struct part word = {.kind = PART_WORD, .word = {"DISCARD", 7}};
    static struct part *kids[] = {&word};
    static struct part body = {.kind = PART_ALL, .kids = kids, .count = 1};
    static const struct step step = {.body = &body};
    static const struct form form = {.count = 1};
    static char name[] = "(DISCARD)";
    static struct row row = {.name = name, .is_fixed = true};

    if (!drawing->may_be_multi[drawing->conn]) return;
    drawing->groups++;
    draw_step(drawing, &row, &form, &step);
    drawing->stream->ops[drawing->stream->count - 1].is_group_end = true;
    drawing->may_be_multi[drawing->conn] = false;
}

void
stream_draw(struct stream *stream, const struct grammar *grammar,
            struct arena *arena, uint64_t seed, uint32_t count)
{
    struct drawing *drawing = arena_alloc(arena, sizeof(*drawing));
    uint64_t left = 0;

    drawing->grammar = grammar;
    drawing->arena = arena;
    drawing->chance.state = seed;
    drawing->stream = stream;
    stream->count = 0;
    stream->ops = arena_alloc(arena, (count + 64) * sizeof(*stream->ops));
    while (stream->count < count) {
        struct row *row = choose_row(drawing);
        const struct form *form = choose_form(drawing, row);

        if (left-- == 0) {
            drawing->conn =
                (uint32_t)chance_below(&drawing->chance, CONNS_STEADY);
            left = chance_below(&drawing->chance, TURN_MAX);
        }
        if (row->is_alone || form->needs_fresh) leave_multi(drawing);
        drawing->groups++;
        for (uint32_t i = 0; i < form->count; i++) {
            draw_step(drawing, row, form, &form->steps[i]);
        }
        stream->ops[stream->count - 1].is_group_end = true;
        note_multi(drawing, row);
    }
}
