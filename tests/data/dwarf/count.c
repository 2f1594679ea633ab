// Sums up in memory, for debuggers: a global, and locals that the compiler keeps in memory.
int total;

__attribute__((noinline)) static int add(int n) {
    total += n;
    return total;
}

__attribute__((export_name("run"))) int run(int n) {
    int sum = 0;
    for (int i = 1; i <= n; i++) {
        sum += add(i);
    }
    return sum;
}
