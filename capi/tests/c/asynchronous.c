/* Calls that yield: by host functions that wait, by fuel, by epochs. */
#include "check.h"

static void* number(intptr_t value) { return (void*)value; }

static int finalized;
static void count_finalizer(void* data) { finalized += (int)(intptr_t)data; }

/* A wait that is over when it has been asked as often as it says. */
typedef struct {
  int left;
  int asked;
} countdown;

static bool tick(void* env) {
  countdown* c = (countdown*)env;
  c->asked++;
  return --c->left <= 0;
}

static threadle_call_future_t* self;
static countdown wait;

static int waits_ended;
static void end_wait(void* env) {
  CHECK(env == &wait);
  waits_ended++;
}

/* double(x): takes its time. */
static void twice(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults, wasm_trap_t** trap,
  threadle_async_continuation_t* continuation
) {
  CHECK(env == number(3) && nargs == 1 && nresults == 1 && *trap == NULL);
  CHECK(threadle_caller_context(caller) != NULL);
  if (args[0].of.i32 < 0) {
    *trap = threadle_trap_new("negative", 8);
    return;
  }
  results[0] = val_i32(args[0].of.i32 * 2);
  if (args[0].of.i32 == 0) return; /* done at once */
  /* What the call runs can neither poll it nor free it. */
  CHECK(self == NULL || !threadle_call_future_poll(self));
  threadle_call_future_delete(self);
  wait.left = args[0].of.i32;
  continuation->callback = tick;
  continuation->env = &wait;
  continuation->finalizer = end_wait;
}

/* A reference comes back after a while. */
static void same(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults, wasm_trap_t** trap,
  threadle_async_continuation_t* continuation
) {
  (void)env; (void)caller; (void)trap;
  CHECK(nargs == 1 && nresults == 1 && args[0].kind == THREADLE_EXTERNREF);
  threadle_val_clone(&args[0], &results[0]);
  wait.left = 2;
  continuation->callback = tick;
  continuation->env = &wait;
}

static void define(
  threadle_linker_t* linker, const char* name, wasm_functype_t* type,
  threadle_func_async_callback_t callback
) {
  OK(threadle_linker_define_async_func(
    linker, "", 0, name, strlen(name), type, callback, number(3), count_finalizer));
  wasm_functype_delete(type);
}

static threadle_func_t function_of(
  threadle_context_t* context, const threadle_instance_t* instance, const char* name
) {
  threadle_extern_t item = export_of(context, instance, name);
  CHECK(item.kind == THREADLE_EXTERN_FUNC);
  return item.of.func;
}

static const char* text =
  "(module"
  "  (import \"\" \"twice\" (func $twice (param i32) (result i32)))"
  "  (import \"\" \"same\" (func $same (param externref) (result externref)))"
  "  (func (export \"run\") (param i32) (result i32)"
  "    (i32.add (call $twice (local.get 0)) (call $twice (i32.const 0))))"
  "  (func (export \"same\") (param externref) (result externref) (call $same (local.get 0)))"
  "  (func (export \"trap\") unreachable)"
  "  (func $start (drop (call $twice (i32.const 2)))) (start $start))";

/* How often a call was polled until it was done. */
static int polls(threadle_call_future_t* future) {
  int n = 1;
  self = future;
  while (!threadle_call_future_poll(future)) n++;
  self = NULL;
  CHECK(threadle_call_future_poll(future));
  threadle_call_future_delete(future);
  return n;
}

static void host_functions(void) {
  wasm_engine_t* engine = wasm_engine_new();
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t* module = compile(engine, text);
  threadle_linker_t* linker = threadle_linker_new(engine);
  threadle_instance_t instance, none;
  threadle_instance_pre_t* pre;
  threadle_func_t run, func;
  threadle_val_t arg = val_i32(3), result;
  wasm_trap_t* trap;
  threadle_error_t* error;
  threadle_call_future_t *future, *other;
  char data;
  finalized = 0;
  define(linker, "twice", wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32()),
    twice);
  define(linker, "same",
    wasm_functype_new_1_1(wasm_valtype_new(WASM_EXTERNREF), wasm_valtype_new(WASM_EXTERNREF)), same);
  CHECK(says(threadle_linker_define_async_func(linker, "", 0, "x", 1, NULL, twice, NULL, NULL),
    "`type` is null"));

  /* The start function waits. */
  CHECK(says(threadle_linker_instantiate(linker, context, module, &instance, &trap),
    "`*_async` functions"));
  future = threadle_linker_instantiate_async(linker, context, module, &instance, &trap, &error);
  CHECK(instance.store_id == 0 && trap == NULL && error == NULL);
  CHECK(polls(future) == 2 && trap == NULL && error == NULL && instance.store_id != 0);
  CHECK(waits_ended == 1 && finalized == 0);
  OK(threadle_linker_instantiate_pre(linker, module, &pre));
  future = threadle_instance_pre_instantiate_async(pre, context, &instance, &trap, &error);
  CHECK(polls(future) == 2 && error == NULL && instance.store_id != 0);
  threadle_instance_pre_delete(pre);

  run = function_of(context, &instance, "run");
  wait.asked = 0;
  future = threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(!threadle_call_future_poll(future) && wait.asked == 1);
  /* Meanwhile the store is the call's. */
  CHECK(threadle_context_get_data(context) == NULL);
  CHECK(says(threadle_context_gc(context), "asynchronous call in it has not ended"));
  other = threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(polls(other) == 1 && says(error, "asynchronous call in it has not ended"));
  CHECK(polls(future) == 2 && error == NULL && trap == NULL);
  CHECK(result.kind == THREADLE_I32 && result.of.i32 == 6 && wait.asked == 3);
  OK(threadle_context_gc(context));

  /* Traps of the program and of the host, and errors. */
  arg = val_i32(-1);
  future = threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(polls(future) == 1 && trap == NULL && says(error, "negative"));
  func = function_of(context, &instance, "trap");
  future = threadle_func_call_async(context, &func, NULL, 0, NULL, 0, &trap, &error);
  CHECK(polls(future) == 1 && error == NULL && trap_says(trap, "unreachable"));
  wasm_trap_delete(trap);
  future = threadle_func_call_async(context, &func, NULL, 0, NULL, 0, NULL, &error);
  CHECK(polls(future) == 1 && says(error, "unreachable"));
  future = threadle_func_call_async(context, &run, NULL, 0, &result, 1, &trap, &error);
  CHECK(polls(future) == 1 && says(error, "expected 1 arguments"));
  future = threadle_func_call_async(context, &run, NULL, 1, &result, 1, &trap, &error);
  CHECK(polls(future) == 1 && says(error, "`args` is null"));
  future = threadle_func_call_async(NULL, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(polls(future) == 1 && says(error, "`context` is null"));
  future = threadle_linker_instantiate_async(NULL, context, module, &none, &trap, &error);
  CHECK(polls(future) == 1 && says(error, "`linker` is null"));
  future = threadle_instance_pre_instantiate_async(NULL, context, &none, &trap, &error);
  CHECK(polls(future) == 1 && says(error, "`instance_pre` is null"));
  CHECK(threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, NULL) == NULL);
  CHECK(threadle_call_future_poll(NULL));
  threadle_call_future_delete(NULL);

  /* References. */
  func = function_of(context, &instance, "same");
  arg.kind = THREADLE_EXTERNREF;
  CHECK(threadle_externref_new(context, &data, NULL, &arg.of.externref));
  future = threadle_func_call_async(context, &func, &arg, 1, &result, 1, &trap, &error);
  CHECK(polls(future) == 2 && error == NULL && trap == NULL);
  CHECK(threadle_externref_data(context, &result.of.externref) == &data);
  threadle_val_unroot(&result);
  threadle_val_unroot(&arg);

  /* A call that is given up ends where it is, and what it waits for is finalized. */
  arg = val_i32(100);
  future = threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(!threadle_call_future_poll(future));
  waits_ended = 0;
  threadle_call_future_delete(future);
  CHECK(waits_ended == 1);
  arg = val_i32(1);
  future = threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(polls(future) == 1 && result.of.i32 == 2);

  /* It keeps the store if that is deleted meanwhile. */
  arg = val_i32(2);
  future = threadle_func_call_async(context, &run, &arg, 1, &result, 1, &trap, &error);
  CHECK(!threadle_call_future_poll(future));
  threadle_store_delete(store);
  CHECK(threadle_call_future_poll(future) && result.of.i32 == 4 && error == NULL);
  threadle_call_future_delete(future);
  threadle_module_delete(module);
  threadle_linker_delete(linker);
  CHECK(finalized == 6);
  wasm_engine_delete(engine);
}

static const char* loop_text =
  "(module (func (export \"count\") (param $n i32) (result i32) (local $i i32)"
  "    (loop $next"
  "      (local.set $i (i32.add (local.get $i) (i32.const 1)))"
  "      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))"
  "    (local.get $i))"
  "  (func (export \"forever\") (loop $next (br $next))))";

static wasm_engine_t* engine_with(bool fuel, bool epochs) {
  wasm_config_t* config = wasm_config_new();
  threadle_config_consume_fuel_set(config, fuel);
  threadle_config_epoch_interruption_set(config, epochs);
  return wasm_engine_new_with_config(config);
}

static void fuel(void) {
  wasm_engine_t* engine = engine_with(true, false);
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t* module = compile(engine, loop_text);
  threadle_instance_t instance;
  threadle_func_t count;
  threadle_val_t arg = val_i32(1000), result;
  wasm_trap_t* trap;
  threadle_error_t* error;
  threadle_trap_code_t code;
  uint64_t before = 1, after;
  OK(threadle_context_get_fuel(context, &before));
  CHECK(before == 0);
  OK(threadle_context_set_fuel(context, 100000));
  OK(threadle_instance_new(context, module, NULL, 0, &instance, NULL));
  count = function_of(context, &instance, "count");
  OK(threadle_context_get_fuel(context, &before));
  OK(threadle_func_call(context, &count, &arg, 1, &result, 1, &trap));
  CHECK(trap == NULL && result.of.i32 == 1000);
  OK(threadle_context_get_fuel(context, &after));
  CHECK(after < before - 1000 && after > 0);
  OK(threadle_context_set_fuel(context, 100));
  OK(threadle_func_call(context, &count, &arg, 1, &result, 1, &trap));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_OUT_OF_FUEL);
  wasm_trap_delete(trap);

  /* In pieces. */
  OK(threadle_context_set_fuel(context, 100000));
  OK(threadle_context_fuel_async_yield_interval(context, 1000));
  CHECK(polls(threadle_func_call_async(context, &count, &arg, 1, &result, 1, &trap, &error)) > 3);
  CHECK(trap == NULL && error == NULL && result.of.i32 == 1000);
  CHECK(says(threadle_func_call(context, &count, &arg, 1, &result, 1, NULL), "async"));
  OK(threadle_context_fuel_async_yield_interval(context, 0));
  CHECK(polls(threadle_func_call_async(context, &count, &arg, 1, &result, 1, &trap, &error)) == 1);
  CHECK(trap == NULL && error == NULL);
  CHECK(says(threadle_context_get_fuel(context, NULL), "`fuel` is null"));
  CHECK(says(threadle_context_set_fuel(NULL, 1), "`context` is null"));
  threadle_module_delete(module);
  threadle_store_delete(store);
  wasm_engine_delete(engine);

  engine = wasm_engine_new();
  store = threadle_store_new(engine, NULL, NULL);
  context = threadle_store_context(store);
  CHECK(says(threadle_context_set_fuel(context, 1), "fuel"));
  CHECK(says(threadle_context_get_fuel(context, &after), "fuel"));
  CHECK(says(threadle_context_fuel_async_yield_interval(context, 1), "fuel"));
  threadle_store_delete(store);
  wasm_engine_delete(engine);
}

typedef struct {
  int calls;
  threadle_context_t* context;
} deadline;

/* Goes on twice, yields twice, then ends the code. */
static threadle_error_t* reached(
  threadle_context_t* context, void* data, uint64_t* delta, threadle_update_deadline_kind_t* kind
) {
  deadline* d = (deadline*)data;
  CHECK(context == d->context && *kind == THREADLE_UPDATE_DEADLINE_CONTINUE);
  /* The store can be used here. */
  OK(threadle_context_gc(context));
  CHECK(threadle_context_get_data(context) == number(7));
  d->calls++;
  CHECK(*delta == 0); /* reached again at once */
  if (d->calls == 3 || d->calls == 4) *kind = THREADLE_UPDATE_DEADLINE_YIELD;
  if (d->calls == 6) *kind = 9;
  if (d->calls == 5) return threadle_error_new("enough");
  return NULL;
}

static void epochs(void) {
  wasm_engine_t* engine = engine_with(false, true);
  threadle_store_t* store = threadle_store_new(engine, number(7), NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t* module = compile(engine, loop_text);
  threadle_instance_t instance;
  threadle_func_t count, forever;
  threadle_val_t arg = val_i32(10), result;
  wasm_trap_t* trap;
  threadle_error_t* error;
  threadle_trap_code_t code;
  threadle_call_future_t* future;
  deadline d;
  d.calls = 0;
  d.context = context;
  OK(threadle_instance_new(context, module, NULL, 0, &instance, NULL));
  count = function_of(context, &instance, "count");
  forever = function_of(context, &instance, "forever");
  /* A deadline that is ahead, and one that is reached. */
  threadle_context_set_epoch_deadline(context, 2);
  OK(threadle_func_call(context, &count, &arg, 1, &result, 1, &trap));
  CHECK(trap == NULL && result.of.i32 == 10);
  threadle_engine_increment_epoch(engine);
  threadle_engine_increment_epoch(engine);
  OK(threadle_func_call(context, &forever, NULL, 0, NULL, 0, &trap));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_INTERRUPT);
  wasm_trap_delete(trap);

  finalized = 0;
  threadle_store_epoch_deadline_callback(store, reached, &d, NULL);
  threadle_context_set_epoch_deadline(context, 0);
  future = threadle_func_call_async(context, &forever, NULL, 0, NULL, 0, &trap, &error);
  CHECK(!threadle_call_future_poll(future) && d.calls == 3);
  CHECK(!threadle_call_future_poll(future) && d.calls == 4);
  CHECK(threadle_call_future_poll(future) && d.calls == 5);
  CHECK(trap == NULL && says(error, "enough"));
  threadle_call_future_delete(future);
  future = threadle_func_call_async(context, &forever, NULL, 0, NULL, 0, &trap, &error);
  CHECK(threadle_call_future_poll(future) && d.calls == 6 && says(error, "no way 9"));
  threadle_call_future_delete(future);

  /* Without a callback code traps again; the old one's data is finalized. */
  threadle_store_epoch_deadline_callback(store, reached, number(4), count_finalizer);
  threadle_store_epoch_deadline_callback(store, NULL, number(2), count_finalizer);
  CHECK(finalized == 6);
  threadle_context_set_epoch_deadline(context, 0);
  OK(threadle_func_call(context, &forever, NULL, 0, NULL, 0, &trap));
  CHECK(trap_says(trap, "interrupt"));
  wasm_trap_delete(trap);

  /* Yields each time. */
  OK(threadle_context_epoch_deadline_async_yield_and_update(context, 1));
  threadle_context_set_epoch_deadline(context, 0);
  future = threadle_func_call_async(context, &count, &arg, 1, &result, 1, &trap, &error);
  CHECK(!threadle_call_future_poll(future));
  CHECK(threadle_call_future_poll(future) && error == NULL && result.of.i32 == 10);
  threadle_call_future_delete(future);
  CHECK(says(threadle_context_epoch_deadline_async_yield_and_update(NULL, 1), "`context` is null"));
  threadle_engine_increment_epoch(NULL);
  threadle_context_set_epoch_deadline(NULL, 1);
  threadle_store_epoch_deadline_callback(NULL, NULL, NULL, NULL);
  threadle_module_delete(module);
  threadle_store_delete(store);
  wasm_engine_delete(engine);
}

int main(void) {
  host_functions();
  fuel();
  epochs();
  puts("ok");
  return 0;
}
