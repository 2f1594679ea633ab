// Traps at a known line, in a function that is inlined into its caller.
static inline __attribute__((always_inline)) int divide(int a, int b) {
    return a / b; // the line
}

__attribute__((noinline)) static int middle(int n) {
    return divide(100, n) + 1; // the inlined call
}

__attribute__((export_name("run"))) int run(int n) {
    return middle(n) * 2;
}
