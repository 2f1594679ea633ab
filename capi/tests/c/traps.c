/* Traps: messages, frames, and their way through host functions. */
#include "check.h"

static wasm_trap_t* kept = NULL;

static wasm_trap_t* fails(void* env, const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  wasm_message_t message;
  wasm_trap_t* trap;
  (void)args;
  (void)results;
  wasm_name_new_from_string_nt(&message, "host says no");
  trap = wasm_trap_new((wasm_store_t*)env, &message);
  wasm_byte_vec_delete(&message);
  wasm_trap_set_host_info(trap, env);
  kept = wasm_trap_copy(trap);
  return trap;
}

static wasm_func_t* passing_to;

/* Hands on the trap of what it calls. */
static wasm_trap_t* passes(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)args;
  (void)results;
  return wasm_func_call(passing_to, NULL, NULL);
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_functype_t* type = wasm_functype_new_0_0();
  wasm_extern_t* imports[2];
  wasm_func_t* host = wasm_func_new_with_env(store, type, fails, store, NULL);
  wasm_func_t* pass = wasm_func_new(store, type, passes);
  wasm_instance_t* instance;
  wasm_extern_vec_t exports;
  wasm_trap_t* trap;
  wasm_frame_t *origin, *copy;
  wasm_frame_vec_t frames, frames2;
  wasm_message_t message;
  threadle_trap_code_t code = 77;
  int i;
  imports[0] = wasm_func_as_extern(host);
  imports[1] = wasm_func_as_extern(pass);
  instance = instance_of(store,
    "(module $m (import \"\" \"f\" (func $f)) (import \"\" \"p\" (func $p))"
    "  (func $inner unreachable)"
    "  (func $outer (export \"outer\") call $inner)"
    "  (func (export \"host\") call $f)"
    "  (func (export \"pass\") call $p))", imports, 2);
  wasm_instance_exports(instance, &exports);

  trap = wasm_func_call(wasm_extern_as_func(exports.data[0]), NULL, NULL);
  CHECK(trap_says(trap, "wasm trap: ") && trap_says(trap, "unreachable"));
  origin = wasm_trap_origin(trap);
  CHECK(origin != NULL && wasm_frame_func_index(origin) == 2);
  CHECK(wasm_frame_module_offset(origin) > wasm_frame_func_offset(origin));
  CHECK(wasm_frame_func_offset(origin) > 0);
  CHECK(wasm_instance_same(wasm_frame_instance(origin), instance));
  CHECK(is_text(threadle_frame_func_name(origin), "inner"));
  CHECK(is_text(threadle_frame_module_name(origin), "m"));
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_UNREACHABLE_CODE_REACHED);
  copy = wasm_frame_copy(origin);
  wasm_frame_delete(origin);
  CHECK(wasm_frame_func_index(copy) == 2);
  wasm_frame_delete(copy);
  wasm_trap_trace(trap, &frames);
  CHECK(frames.size == 2 && wasm_frame_func_index(frames.data[1]) == 3);
  wasm_frame_vec_copy(&frames2, &frames);
  CHECK(frames2.size == 2 && wasm_frame_func_index(frames2.data[1]) == 3);
  wasm_frame_vec_delete(&frames);
  wasm_frame_vec_new(&frames, 2, frames2.data);
  frames2.data[0] = frames2.data[1] = NULL;
  wasm_frame_vec_delete(&frames2);
  wasm_frame_vec_delete(&frames);
  wasm_frame_vec_new_empty(&frames);
  wasm_frame_vec_new_uninitialized(&frames2, 1);
  wasm_frame_vec_delete(&frames2);
  wasm_trap_delete(trap);

  /* A host function's trap comes out as it went in, and with frames. */
  trap = wasm_func_call(wasm_extern_as_func(exports.data[1]), NULL, NULL);
  CHECK(trap_says(trap, "host says no"));
  code = 77;
  CHECK(!threadle_trap_code(trap, &code) && code == 77);
  wasm_trap_message(trap, &message);
  CHECK(strcmp(message.data, "host says no") == 0);
  wasm_byte_vec_delete(&message);
  wasm_trap_trace(trap, &frames);
  CHECK(frames.size == 1 && wasm_frame_func_index(frames.data[0]) == 4);
  wasm_frame_vec_delete(&frames);
  wasm_trap_delete(trap);
  CHECK(wasm_trap_get_host_info(kept) == store);
  wasm_trap_delete(kept);

  /* The trap of a nested call, handed on, keeps its message and its innermost frames. */
  passing_to = wasm_extern_as_func(exports.data[0]);
  trap = wasm_func_call(wasm_extern_as_func(exports.data[2]), NULL, NULL);
  CHECK(threadle_trap_code(trap, &code) && code == THREADLE_TRAP_CODE_UNREACHABLE_CODE_REACHED);
  CHECK(trap_says(trap, "unreachable"));
  wasm_trap_trace(trap, &frames);
  CHECK(frames.size >= 2 && wasm_frame_func_index(frames.data[0]) == 2);
  wasm_frame_vec_delete(&frames);
  wasm_trap_delete(trap);

  /* One that never ran has no frames. */
  wasm_name_new_from_string(&message, "plain");
  trap = wasm_trap_new(store, &message);
  wasm_byte_vec_delete(&message);
  CHECK(trap_says(trap, "plain") && wasm_trap_origin(trap) == NULL);
  wasm_trap_trace(trap, &frames);
  CHECK(frames.size == 0);
  wasm_trap_delete(trap);

  for (i = 0; i < 256; i++) {
    trap = threadle_trap_new_code((threadle_trap_code_t)i);
    CHECK((trap != NULL) == (i <= 16 || (i >= 200 && i <= 202)));
    if (trap == NULL) continue;
    CHECK(threadle_trap_code(trap, &code) && code == i && trap_says(trap, "wasm trap: "));
    wasm_trap_delete(trap);
  }
  trap = threadle_trap_new("four", 3);
  CHECK(trap_says(trap, "fou") && !threadle_trap_code(trap, &code));
  wasm_trap_delete(trap);
  CHECK(!threadle_trap_code(NULL, &code) && threadle_frame_func_name(NULL) == NULL);
  CHECK(threadle_frame_module_name(NULL) == NULL);

  CHECK(wasm_trap_new(NULL, NULL) == NULL && wasm_trap_origin(NULL) == NULL);
  wasm_trap_message(NULL, &message);
  CHECK(message.size == 0);
  wasm_trap_trace(NULL, &frames);
  CHECK(frames.size == 0);
  CHECK(wasm_frame_copy(NULL) == NULL && wasm_frame_instance(NULL) == NULL);
  CHECK(wasm_frame_func_index(NULL) == 0 && wasm_frame_func_offset(NULL) == 0);
  CHECK(wasm_frame_module_offset(NULL) == 0);
  wasm_frame_delete(NULL);
  wasm_functype_delete(type);
  wasm_func_delete(host);
  wasm_func_delete(pass);
  wasm_extern_vec_delete(&exports);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  puts("ok");
  return 0;
}
