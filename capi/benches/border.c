/* What crossing the border costs: a program that calls a host function, and a host that calls a function
 * of a program. Compiles against threadle.h by way of wasmtime.h, against wasmtime's own C API, and with
 * -DWASM3 against wasm3's. Prints nanoseconds per call, the best of some rounds; `border` runs all. */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* (module (import "" "inc" (func $inc (param i32) (result i32)))
 *   (func (export "run") (param $n i32) (result i32) (local $i i32)
 *     (loop $next
 *       (local.set $i (call $inc (local.get $i)))
 *       (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
 *     (local.get $i))
 *   (func (export "id") (param i32) (result i32) (local.get 0))) */
static const uint8_t module_bytes[] = {
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f,
  0x02, 0x08, 0x01, 0x00, 0x03, 0x69, 0x6e, 0x63, 0x00, 0x00, 0x03, 0x03, 0x02, 0x00, 0x00, 0x07,
  0x0c, 0x02, 0x03, 0x72, 0x75, 0x6e, 0x00, 0x01, 0x02, 0x69, 0x64, 0x00, 0x02, 0x0a, 0x1d, 0x02,
  0x16, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x01, 0x10, 0x00, 0x21, 0x01, 0x20, 0x01, 0x20, 0x00,
  0x49, 0x0d, 0x00, 0x0b, 0x20, 0x01, 0x0b, 0x04, 0x00, 0x20, 0x00, 0x0b,
};

enum { ROUNDS = 7, CALLS = 4000000 };

static void must(int done, const char* what) {
  if (!done) {
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Calls `run` so many times, and tells the best round's nanoseconds per call. */
static void measure(const char* row, void (*run)(int32_t calls)) {
  double best = 1e99;
  int i;
  run(1000);
  for (i = 0; i < ROUNDS; i++) {
    double start = now(), time;
    run(CALLS);
    time = (now() - start) / CALLS;
    if (time < best) best = time;
  }
  printf("%-18s %7.1f\n", row, best);
}

#ifdef WASM3

#include <wasm3.h>

static IM3Function run_function, id_function;

static m3ApiRawFunction(increment) {
  m3ApiReturnType(int32_t)
  m3ApiGetArg(int32_t, value)
  m3ApiReturn(value + 1)
}

static void host(int32_t calls) {
  int32_t result = 0;
  const void* args[1];
  const void* results[1];
  args[0] = &calls;
  results[0] = &result;
  must(m3_Call(run_function, 1, args) == NULL, "run");
  must(m3_GetResults(run_function, 1, results) == NULL && result == calls, "its result");
}

static void call(int32_t calls) {
  int32_t i, result = 0;
  const void* args[1];
  const void* results[1];
  results[0] = &result;
  for (i = 0; i < calls; i++) {
    args[0] = &i;
    must(m3_Call(id_function, 1, args) == NULL, "id");
    must(m3_GetResults(id_function, 1, results) == NULL && result == i, "its result");
  }
}

int main(void) {
  IM3Environment environment = m3_NewEnvironment();
  IM3Runtime runtime = m3_NewRuntime(environment, 64 * 1024, NULL);
  IM3Module module;
  must(m3_ParseModule(environment, &module, module_bytes, sizeof module_bytes) == NULL, "parse");
  must(m3_LoadModule(runtime, module) == NULL, "load");
  must(m3_LinkRawFunction(module, "", "inc", "i(i)", increment) == NULL, "link");
  must(m3_FindFunction(&run_function, runtime, "run") == NULL, "find run");
  must(m3_FindFunction(&id_function, runtime, "id") == NULL, "find id");
  measure("host", host);
  measure("call", call);
  return 0;
}

#else

#include <wasmtime.h>

static wasmtime_context_t* context;
static wasmtime_func_t run_function, id_function;

static wasm_trap_t* increment(
  void* env, wasmtime_caller_t* caller, const wasmtime_val_t* args, size_t nargs,
  wasmtime_val_t* results, size_t nresults
) {
  (void)env; (void)caller; (void)nargs; (void)nresults;
  results[0].kind = WASMTIME_I32;
  results[0].of.i32 = args[0].of.i32 + 1;
  return NULL;
}

static wasm_trap_t* increment_unchecked(
  void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, size_t count
) {
  (void)env; (void)caller; (void)count;
  values[0].i32++;
  return NULL;
}

static void host(int32_t calls) {
  wasmtime_val_raw_t value;
  wasm_trap_t* trap = NULL;
  value.i32 = calls;
  must(wasmtime_func_call_unchecked(context, &run_function, &value, 1, &trap) == NULL, "run");
  must(trap == NULL && value.i32 == calls, "its result");
}

static void call(int32_t calls) {
  int32_t i;
  wasmtime_val_t arg, result;
  wasm_trap_t* trap = NULL;
  arg.kind = WASMTIME_I32;
  for (i = 0; i < calls; i++) {
    arg.of.i32 = i;
    must(wasmtime_func_call(context, &id_function, &arg, 1, &result, 1, &trap) == NULL, "id");
    must(trap == NULL && result.of.i32 == i, "its result");
  }
}

static void call_unchecked(int32_t calls) {
  int32_t i;
  wasmtime_val_raw_t value;
  wasm_trap_t* trap = NULL;
  for (i = 0; i < calls; i++) {
    value.i32 = i;
    must(wasmtime_func_call_unchecked(context, &id_function, &value, 1, &trap) == NULL, "id");
    must(trap == NULL && value.i32 == i, "its result");
  }
}

static wasmtime_func_t export_of(const wasmtime_instance_t* instance, const char* name) {
  wasmtime_extern_t item;
  must(wasmtime_instance_export_get(context, instance, name, strlen(name), &item), name);
  return item.of.func;
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasmtime_store_t* store = wasmtime_store_new(engine, NULL, NULL);
  wasm_functype_t* type = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasmtime_module_t* module;
  wasmtime_instance_t instance;
  wasmtime_extern_t import;
  wasm_trap_t* trap = NULL;
  context = wasmtime_store_context(store);
  must(wasmtime_module_new(engine, module_bytes, sizeof module_bytes, &module) == NULL, "module");
  import.kind = WASMTIME_EXTERN_FUNC;
  wasmtime_func_new_unchecked(
    context, type, increment_unchecked, NULL, NULL, &import.of.func);
  must(wasmtime_instance_new(context, module, &import, 1, &instance, &trap) == NULL, "instance");
  run_function = export_of(&instance, "run");
  id_function = export_of(&instance, "id");
  measure("host unchecked", host);
  wasmtime_func_new(context, type, increment, NULL, NULL, &import.of.func);
  must(wasmtime_instance_new(context, module, &import, 1, &instance, &trap) == NULL, "instance");
  run_function = export_of(&instance, "run");
  measure("host", host);
  measure("call unchecked", call_unchecked);
  measure("call", call);
  return 0;
}

#endif
