/* threadle.h: linkers, prepared instances, and WASI. */
#include "check.h"

static int finalized = 0;

static void finalizer(void* data) { finalized += (int)(intptr_t)data; }

static wasm_trap_t* twice(
  void* env, threadle_caller_t* caller, const threadle_val_t* args, size_t nargs,
  threadle_val_t* results, size_t nresults
) {
  (void)env; (void)caller;
  CHECK(nargs == 1 && nresults == 1);
  results[0] = val_i32(2 * args[0].of.i32);
  return NULL;
}

static wasm_trap_t* thrice(
  void* env, threadle_caller_t* caller, threadle_val_raw_t* values, size_t count
) {
  (void)env; (void)caller;
  CHECK(count == 1);
  values[0].i32 *= 3;
  return NULL;
}

static int32_t call_i32(
  threadle_context_t* context, const threadle_instance_t* instance, const char* name, int32_t arg
) {
  threadle_extern_t item = export_of(context, instance, name);
  threadle_val_t a = val_i32(arg), result;
  wasm_trap_t* trap = NULL;
  OK(threadle_func_call(context, &item.of.func, &a, 1, &result, 1, &trap));
  CHECK(trap == NULL && result.kind == THREADLE_I32);
  return result.of.i32;
}

static void linkers(wasm_engine_t* engine) {
  threadle_linker_t *linker = threadle_linker_new(engine), *clone;
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t *module, *again, *library;
  threadle_instance_t instance;
  threadle_instance_pre_t* pre;
  threadle_extern_t item;
  threadle_func_t func;
  threadle_val_t result;
  wasm_trap_t* trap = NULL;
  wasm_functype_t* type = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
  OK(threadle_linker_define_func(linker, "a", 1, "twice", 5, type, twice, (void*)1, finalizer));
  OK(threadle_linker_define_func_unchecked(linker, "a", 1, "thrice", 6, type, thrice, (void*)10, finalizer));
  CHECK(says(threadle_linker_define_func(linker, "a", 1, "twice", 5, type, twice, NULL, NULL), "twice"));
  CHECK(says(threadle_linker_define_func(linker, "a", 1, "x", 1, type, NULL, NULL, NULL), "`callback`"));
  CHECK(says(threadle_linker_define_func(linker, "\xff", 1, "x", 1, type, twice, NULL, NULL), "utf-8"));
  threadle_linker_allow_shadowing(linker, true);
  OK(threadle_linker_define_func(linker, "a", 1, "twice", 5, type, twice, (void*)100, finalizer));
  CHECK(finalized == 1);
  threadle_linker_allow_shadowing(linker, false);
  wasm_functype_delete(type);

  module = compile(engine,
    "(module (import \"a\" \"twice\" (func $f (param i32) (result i32)))"
    "  (import \"a\" \"thrice\" (func $g (param i32) (result i32)))"
    "  (func (export \"six\") (param i32) (result i32) (call $g (call $f (local.get 0)))))");
  OK(threadle_linker_instantiate(linker, context, module, &instance, &trap));
  CHECK(call_i32(context, &instance, "six", 7) == 42);
  OK(threadle_linker_instantiate_pre(linker, module, &pre));
  again = threadle_instance_pre_module(pre);
  threadle_module_delete(again);
  OK(threadle_instance_pre_instantiate(pre, context, &instance, &trap));
  CHECK(call_i32(context, &instance, "six", -1) == -6);
  threadle_instance_pre_delete(pre);

  OK(threadle_linker_define_instance(linker, context, "lib", 3, &instance));
  CHECK(threadle_linker_get(linker, context, "lib", 3, "six", 3, &item));
  CHECK(item.kind == THREADLE_EXTERN_FUNC);
  CHECK(!threadle_linker_get(linker, context, "lib", 3, "seven", 5, &item));
  OK(threadle_linker_define(linker, context, "x", 1, "y", 1, &item));
  CHECK(says(threadle_linker_define(linker, context, "x", 1, "y", 1, &item), "twice"));
  CHECK(says(threadle_linker_define(linker, context, "x", 1, "z", 1, NULL), "`item` is null"));

  library = compile(engine, "(module (func (export \"\")) (func (export \"f\")))");
  OK(threadle_linker_module(linker, context, "reactor", 7, library));
  OK(threadle_linker_get_default(linker, context, "reactor", 7, &func));
  OK(threadle_func_call(context, &func, NULL, 0, NULL, 0, &trap));
  CHECK(trap == NULL);
  threadle_module_delete(library);

  clone = threadle_linker_clone(linker);
  threadle_module_delete(module);
  module = compile(engine,
    "(module (import \"no\" \"where\" (func $f (result i32)))"
    "  (func (export \"run\") (param i32) (result i32) (call $f)))");
  CHECK(says(threadle_linker_instantiate(linker, context, module, &instance, &trap), "no::where"));
  CHECK(says(threadle_linker_instantiate_pre(linker, module, &pre), "no::where") && pre == NULL);
  OK(threadle_linker_define_unknown_imports_as_default_values(linker, context, module));
  OK(threadle_linker_instantiate(linker, context, module, &instance, &trap));
  CHECK(call_i32(context, &instance, "run", 1) == 0);
  OK(threadle_linker_define_unknown_imports_as_traps(clone, module));
  OK(threadle_linker_instantiate(clone, context, module, &instance, &trap));
  item = export_of(context, &instance, "run");
  {
    threadle_val_t arg = val_i32(1);
    CHECK(says(threadle_func_call(context, &item.of.func, &arg, 1, &result, 1, &trap), "no::where"));
  }
  threadle_module_delete(module);
  /* A linker can go before the stores with its functions. */
  threadle_linker_delete(linker);
  threadle_linker_delete(clone);
  threadle_linker_delete(NULL);
  CHECK(finalized == 1);
  threadle_store_delete(store);
  CHECK(finalized == 111);
  CHECK(threadle_linker_new(NULL) == NULL && threadle_linker_clone(NULL) == NULL);
  CHECK(threadle_instance_pre_module(NULL) == NULL);
  threadle_instance_pre_delete(NULL);
}

static void start_traps(wasm_engine_t* engine) {
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_module_t* module = compile(engine, "(module (func unreachable) (start 0))");
  threadle_instance_t instance;
  wasm_trap_t* trap = NULL;
  OK(threadle_instance_new(threadle_store_context(store), module, NULL, 0, &instance, &trap));
  CHECK(trap != NULL && instance.store_id == 0);
  wasm_trap_delete(trap);
  threadle_module_delete(module);
  threadle_store_delete(store);
}

typedef struct {
  char text[64];
  size_t size;
} output;

static ptrdiff_t write_to(void* data, const unsigned char* bytes, size_t size) {
  output* out = (output*)data;
  if (size > sizeof(out->text) - out->size) return -28;
  memcpy(out->text + out->size, bytes, size);
  out->size += size;
  return (ptrdiff_t)size;
}

static void closed(void* data) { ((output*)data)->text[63] = 'c'; }

/* Copies its input to its output, says how many arguments and variables it has, and exits. */
static const char* program =
  "(module"
  "  (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"
  "  (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"
  "  (import \"wasi_snapshot_preview1\" \"args_sizes_get\" (func $args (param i32 i32) (result i32)))"
  "  (import \"wasi_snapshot_preview1\" \"environ_sizes_get\" (func $env (param i32 i32) (result i32)))"
  "  (import \"wasi_snapshot_preview1\" \"fd_prestat_get\" (func $dir (param i32 i32) (result i32)))"
  "  (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
  "  (memory (export \"memory\") 1)"
  "  (data (i32.const 0) \"\\40\\00\\00\\00\\20\\00\\00\\00\")"
  "  (func (export \"_start\")"
  "    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))"
  "    (i32.store (i32.const 4) (i32.load (i32.const 8)))"
  "    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"
  "    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))"
  "    (drop (call $args (i32.const 16) (i32.const 8)))"
  "    (drop (call $env (i32.const 20) (i32.const 8)))"
  "    (call $exit (i32.add (i32.load (i32.const 16))"
  "      (i32.add (i32.mul (i32.const 10) (i32.load (i32.const 20)))"
  "        (i32.mul (i32.const 100) (i32.eqz (call $dir (i32.const 3) (i32.const 24)))))))))";

/* Runs the program with a configuration and returns its status. */
static int run(threadle_linker_t* linker, wasm_engine_t* engine, wasi_config_t* config) {
  threadle_store_t* store = threadle_store_new(engine, NULL, NULL);
  threadle_context_t* context = threadle_store_context(store);
  threadle_module_t* module = compile(engine, program);
  threadle_instance_t instance;
  threadle_extern_t start;
  threadle_error_t* error;
  wasm_trap_t* trap = NULL;
  int status = -1;
  if (config != NULL) OK(threadle_context_set_wasi(context, config));
  OK(threadle_linker_instantiate(linker, context, module, &instance, &trap));
  start = export_of(context, &instance, "_start");
  error = threadle_func_call(context, &start.of.func, NULL, 0, NULL, 0, &trap);
  CHECK(error != NULL && threadle_error_exit_status(error, &status));
  threadle_error_delete(error);
  threadle_module_delete(module);
  threadle_store_delete(store);
  return status;
}

static void wasi(wasm_engine_t* engine) {
  threadle_linker_t* linker = threadle_linker_new(engine);
  wasi_config_t* config = wasi_config_new();
  const char* args[3] = {"program", "a", "b"};
  const char* names[2] = {"LANG", "HOME"};
  const char* values[2] = {"C", "/"};
  wasm_byte_vec_t input;
  output out, err;
  FILE* file;
  char text[8];
  memset(&out, 0, sizeof(out));
  memset(&err, 0, sizeof(err));
  OK(threadle_linker_define_wasi(linker));
  /* Without a configuration nothing is granted. */
  CHECK(run(linker, engine, NULL) == 0);

  CHECK(wasi_config_set_argv(config, 3, args));
  CHECK(wasi_config_set_env(config, 2, names, values));
  wasm_byte_vec_new(&input, 5, "input");
  wasi_config_set_stdin_bytes(config, &input);
  CHECK(input.size == 0);
  wasi_config_set_stdout_custom(config, write_to, &out, closed);
  wasi_config_set_stderr_custom(config, write_to, &err, NULL);
  CHECK(wasi_config_preopen_dir(config, ".", "/", false));
  CHECK(!wasi_config_preopen_dir(config, "./there/is/no/such/folder", "/", true));
  CHECK(run(linker, engine, config) == 123);
  CHECK(out.size == 5 && memcmp(out.text, "input", 5) == 0 && out.text[63] == 'c');
  CHECK(err.size == 5 && err.text[63] == 0);

  /* Files; one that a program writes can be read by the next. */
  config = wasi_config_new();
  CHECK(wasi_config_set_stdout_file(config, "linkers-test.txt"));
  CHECK(wasi_config_set_stderr_file(config, "linkers-test2.txt"));
  wasm_byte_vec_new(&input, 3, "abc");
  wasi_config_set_stdin_bytes(config, &input);
  CHECK(run(linker, engine, config) == 0);
  config = wasi_config_new();
  CHECK(wasi_config_set_stdin_file(config, "linkers-test.txt"));
  CHECK(!wasi_config_set_stdin_file(config, "there-is-no-such-file.txt"));
  out.size = 0;
  wasi_config_set_stdout_custom(config, write_to, &out, NULL);
  CHECK(run(linker, engine, config) == 0);
  CHECK(out.size == 3 && memcmp(out.text, "abc", 3) == 0);
  file = fopen("linkers-test2.txt", "r");
  CHECK(file != NULL && fread(text, 1, 8, file) == 3);
  fclose(file);
  CHECK(remove("linkers-test.txt") == 0 && remove("linkers-test2.txt") == 0);

  /* This process's own; nothing is read or written here. */
  config = wasi_config_new();
  wasi_config_inherit_argv(config);
  wasi_config_inherit_env(config);
  wasi_config_inherit_stdin(config);
  wasi_config_inherit_stdout(config);
  wasi_config_inherit_stderr(config);
  CHECK(!wasi_config_set_argv(config, 1, NULL) && !wasi_config_set_env(config, 1, names, NULL));
  CHECK(!wasi_config_set_stdin_file(config, NULL) && !wasi_config_set_stdout_file(config, NULL));
  CHECK(!wasi_config_set_argv(NULL, 3, args) && !wasi_config_preopen_dir(NULL, ".", "/", true));
  wasi_config_set_stdout_custom(config, NULL, NULL, NULL);
  wasi_config_delete(config);
  wasi_config_delete(NULL);
  CHECK(says(threadle_linker_define_wasi(linker), "defined twice"));
  threadle_linker_delete(linker);
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  linkers(engine);
  start_traps(engine);
  wasi(engine);
  wasm_engine_delete(engine);
  puts("ok");
  return 0;
}
