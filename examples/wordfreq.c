/* The most frequent words of the standard input, or of the files named as arguments:
 *
 *     threadle run examples/wordfreq.wasm < README.md
 *     threadle run --dir . examples/wordfreq.wasm README.md docs/architecture.md
 *
 * A word is a run of ASCII letters; case is ignored. Built by examples/build.sh.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 10, LONGEST = 255 };

struct word {
    char *text;
    unsigned long count;
};

/* Open addressing; the size is a power of two and never more than half is taken. */
static struct word *table;
static size_t size, taken;

static void *checked(void *memory) {
    if (memory == NULL) {
        fputs("wordfreq: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static size_t hash(const char *text) {
    size_t h = 2166136261u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static struct word *find(const char *text) {
    size_t i = hash(text) & (size - 1);
    while (table[i].text != NULL && strcmp(table[i].text, text) != 0)
        i = (i + 1) & (size - 1);
    return &table[i];
}

static void grow(void) {
    struct word *old = table;
    size_t old_size = size;
    size = size == 0 ? 64 : size * 2;
    table = checked(calloc(size, sizeof *table));
    for (size_t i = 0; i < old_size; i++)
        if (old[i].text != NULL)
            *find(old[i].text) = old[i];
    free(old);
}

static void count(const char *text) {
    if (taken * 2 >= size)
        grow();
    struct word *word = find(text);
    if (word->text == NULL) {
        word->text = checked(strdup(text));
        taken++;
    }
    word->count++;
}

static void read_words(FILE *file) {
    char text[LONGEST + 1];
    size_t length = 0;
    for (;;) {
        int c = getc(file);
        if (c != EOF && c < 128 && isalpha(c)) {
            if (length < LONGEST)
                text[length++] = (char)tolower(c);
            continue;
        }
        if (length > 0) {
            text[length] = '\0';
            count(text);
            length = 0;
        }
        if (c == EOF)
            return;
    }
}

static int by_count_then_text(const void *a, const void *b) {
    const struct word *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

int main(int argc, char **argv) {
    int status = 0;
    if (argc < 2)
        read_words(stdin);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (file == NULL) {
            fprintf(stderr, "wordfreq: %s: %s\n", argv[i], strerror(errno));
            status = 1;
            continue;
        }
        read_words(file);
        fclose(file);
    }
    size_t words = 0;
    unsigned long total = 0;
    for (size_t i = 0; i < size; i++)
        if (table[i].text != NULL) {
            total += table[i].count;
            table[words++] = table[i];
        }
    qsort(table, words, sizeof *table, by_count_then_text);
    printf("%lu words, %zu different\n", total, words);
    for (size_t i = 0; i < words && i < SHOWN; i++)
        printf("%7lu %s\n", table[i].count, table[i].text);
    return status;
}
