/* A small Forth: reads words from the standard input and carries them out.
 *
 *     echo ': square dup * ; 7 square .' | threadle run examples/forth.wasm
 *     threadle run examples/forth.wasm < examples/primes.fth
 *
 * A definition is compiled to a list of cells that the inner interpreter walks, so this is threaded
 * code run by threaded code. Numbers are 32 bits wide. Built by examples/build.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STACK = 256,
    CELLS = 65536,
    WORDS = 1024,
    NAME = 32
};

/* The primitives. Those up to LAST_HIDDEN are compiled by others only. */
enum {
    LITERAL, BRANCH, BRANCH0, TEXT, EXIT, LAST_HIDDEN = EXIT,
    ADD, SUB, MUL, DIV, MOD, EQ, LT, GT, AND, OR, XOR, NOT,
    DUP, DROP, SWAP, OVER, ROT, TO_R, FROM_R, R_AT,
    FETCH, STORE, ALLOT, DOT, EMIT, CR, DEPTH,
    IF, ELSE, THEN, BEGIN, UNTIL, WHILE, REPEAT, COLON, SEMICOLON, VARIABLE, CONSTANT, QUOTE,
    PAREN, BACKSLASH, PRIMITIVES
};

static const char *const names[PRIMITIVES] = {
    "", "", "", "", "",
    "+", "-", "*", "/", "mod", "=", "<", ">", "and", "or", "xor", "not",
    "dup", "drop", "swap", "over", "rot", ">r", "r>", "r@",
    "@", "!", "allot", ".", "emit", "cr", "depth",
    "if", "else", "then", "begin", "until", "while", "repeat", ":", ";", "variable", "constant",
    ".\"", "(", "\\"
};

struct word {
    char name[NAME];
    int start; /* its first cell */
};

static int cells[CELLS], here;
static struct word words[WORDS];
static int word_count;
static int stack[STACK], depth;
static int returns[STACK], return_depth;
static int compiling;

static void fail(const char *what, const char *which) {
    fflush(stdout);
    fprintf(stderr, "forth: %s%s%s\n", what, *which ? ": " : "", which);
    exit(1);
}

static void push(int value) {
    if (depth == STACK)
        fail("stack overflow", "");
    stack[depth++] = value;
}

static int pop(void) {
    if (depth == 0)
        fail("stack underflow", "");
    return stack[--depth];
}

static void push_return(int value) {
    if (return_depth == STACK)
        fail("return stack overflow", "");
    returns[return_depth++] = value;
}

static int pop_return(void) {
    if (return_depth == 0)
        fail("return stack underflow", "");
    return returns[--return_depth];
}

static void compile(int cell) {
    if (here == CELLS)
        fail("out of cells", "");
    cells[here++] = cell;
}

static int *cell(int address) {
    if (address < 0 || address >= CELLS)
        fail("bad address", "");
    return &cells[address];
}

/* The next word of the input; no more than a space is read behind it. */
static int next(char *name) {
    int c, length = 0;
    while ((c = getchar()) == ' ' || c == '\n' || c == '\t' || c == '\r')
        ;
    for (; c != EOF && c != ' ' && c != '\n' && c != '\t' && c != '\r'; c = getchar()) {
        if (length == NAME - 1)
            fail("word too long", "");
        name[length++] = (char)c;
    }
    name[length] = '\0';
    return length > 0;
}

static void skip_to(int end) {
    int c;
    while ((c = getchar()) != end && c != EOF)
        ;
}

static struct word *define(void) {
    if (word_count == WORDS)
        fail("too many words", "");
    struct word *word = &words[word_count];
    if (!next(word->name))
        fail("a name is missing", "");
    word->start = here;
    word_count++;
    return word;
}

static int wrap(unsigned value) { return (int)value; }

/* Carries out a primitive that needs neither the input nor the code around it. */
static void primitive(int op) {
    int a, b, c;
    switch (op) {
    case ADD: b = pop(), a = pop(), push(wrap((unsigned)a + (unsigned)b)); break;
    case SUB: b = pop(), a = pop(), push(wrap((unsigned)a - (unsigned)b)); break;
    case MUL: b = pop(), a = pop(), push(wrap((unsigned)a * (unsigned)b)); break;
    case DIV:
    case MOD:
        b = pop(), a = pop();
        if (b == 0)
            fail("division by zero", "");
        if (b == -1)
            push(op == DIV ? wrap(0u - (unsigned)a) : 0);
        else
            push(op == DIV ? a / b : a % b);
        break;
    case EQ: b = pop(), a = pop(), push(a == b ? -1 : 0); break;
    case LT: b = pop(), a = pop(), push(a < b ? -1 : 0); break;
    case GT: b = pop(), a = pop(), push(a > b ? -1 : 0); break;
    case AND: b = pop(), a = pop(), push(a & b); break;
    case OR: b = pop(), a = pop(), push(a | b); break;
    case XOR: b = pop(), a = pop(), push(a ^ b); break;
    case NOT: push(pop() == 0 ? -1 : 0); break;
    case DUP: a = pop(), push(a), push(a); break;
    case DROP: pop(); break;
    case SWAP: b = pop(), a = pop(), push(b), push(a); break;
    case OVER: b = pop(), a = pop(), push(a), push(b), push(a); break;
    case ROT: c = pop(), b = pop(), a = pop(), push(b), push(c), push(a); break;
    case TO_R: push_return(pop()); break;
    case FROM_R: push(pop_return()); break;
    case R_AT: a = pop_return(), push_return(a), push(a); break;
    case FETCH: push(*cell(pop())); break;
    case STORE: a = pop(), *cell(a) = pop(); break;
    case ALLOT: for (a = pop(); a > 0; a--) compile(0); break;
    case DOT: printf("%d ", pop()); break;
    case EMIT: putchar(pop()); break;
    case CR: putchar('\n'); break;
    case DEPTH: push(depth); break;
    default: fail("only in a definition", names[op]);
    }
}

/* The inner interpreter. Cells below PRIMITIVES are primitives, others call a word. */
static void run(int start) {
    int ip = start, base = return_depth;
    for (;;) {
        int op = *cell(ip++);
        if (op >= PRIMITIVES) {
            push_return(ip);
            ip = op - PRIMITIVES;
            continue;
        }
        switch (op) {
        case LITERAL: push(cells[ip++]); break;
        case BRANCH: ip = cells[ip]; break;
        case BRANCH0: ip = pop() == 0 ? cells[ip] : ip + 1; break;
        case TEXT:
            for (int length = cells[ip++]; length > 0; length--)
                putchar(cells[ip++]);
            break;
        case EXIT:
            if (return_depth == base)
                return;
            ip = pop_return();
            break;
        default: primitive(op);
        }
    }
}

/* Words that shape the definition around them. Addresses to fill in wait on the stack. */
static void control(int op) {
    int a, b;
    switch (op) {
    case IF: compile(BRANCH0), push(here), compile(0); break;
    case ELSE:
        a = pop(), compile(BRANCH), push(here), compile(0);
        *cell(a) = here;
        break;
    case THEN: *cell(pop()) = here; break;
    case BEGIN: push(here); break;
    case UNTIL: compile(BRANCH0), compile(pop()); break;
    case WHILE: compile(BRANCH0), push(here), compile(0); break;
    case REPEAT:
        b = pop(), a = pop(), compile(BRANCH), compile(a);
        *cell(b) = here;
        break;
    }
}

static void quote(void) {
    int start = here, c;
    compile(TEXT), compile(0);
    while ((c = getchar()) != '"' && c != EOF)
        compile(c);
    cells[start + 1] = here - start - 2;
    if (!compiling) {
        compile(EXIT);
        run(start);
        here = start;
    }
}

static void outer(int op) {
    int value;
    switch (op) {
    case PAREN: skip_to(')'); break;
    case BACKSLASH: skip_to('\n'); break;
    case QUOTE: quote(); break;
    case COLON: define(), compiling = 1; break;
    case SEMICOLON: compile(EXIT), compiling = 0; break;
    case VARIABLE:
        define();
        compile(LITERAL), compile(here + 2), compile(EXIT), compile(0);
        break;
    case CONSTANT:
        value = pop(), define();
        compile(LITERAL), compile(value), compile(EXIT);
        break;
    default:
        if (!compiling)
            primitive(op);
        else if (op >= IF && op <= REPEAT)
            control(op);
        else
            compile(op);
    }
}

int main(void) {
    char name[NAME];
    while (next(name)) {
        int known = 0;
        /* The newest definition of a name counts. */
        for (int i = word_count - 1; i >= 0 && !known; i--)
            if (strcmp(words[i].name, name) == 0) {
                known = 1;
                if (compiling)
                    compile(PRIMITIVES + words[i].start);
                else
                    run(words[i].start);
            }
        for (int op = LAST_HIDDEN + 1; op < PRIMITIVES && !known; op++)
            if (strcmp(names[op], name) == 0) {
                known = 1;
                outer(op);
            }
        if (known)
            continue;
        char *end;
        long value = strtol(name, &end, 0);
        if (*end != '\0')
            fail("unknown word", name);
        if (compiling)
            compile(LITERAL), compile((int)value);
        else
            push((int)value);
    }
    return 0;
}
