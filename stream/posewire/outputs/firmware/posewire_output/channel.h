// One output channel: its limits, what it does at the moment, and its watchdog. All times in us of a clock that wraps
// around; two of them are compared by their difference, which is less than half of its range.
#pragma once
#include "board.h"
#include "protocol.h"

namespace posewire {

class Channel {
 public:
  bool configured = false;
  bool tripped = false;
  uint16_t trips = 0;
  uint8_t pin = 0;
  uint8_t flags = 0;

  bool analog() const { return flags & ANALOG; }
  bool busy() const { return state_ != IDLE; }
  uint32_t event() const { return event_; }

  void configure(uint8_t new_pin, uint8_t new_flags, uint16_t safe, uint32_t longest, uint32_t gap, uint16_t watchdog_ms,
                 uint32_t now) {
    pin = new_pin;
    flags = new_flags;
    safe_ = safe;
    longest_ = longest;
    gap_ = gap;
    watchdog_ = (uint32_t)watchdog_ms * 1000;
    state_ = IDLE;
    rested_ = true;
    tripped = false;
    beat_ = now;
    configured = true;
    if (analog()) board_value(pin, safe_);
    else board_claim(pin, flags & ACTIVE_LOW);
  }

  uint8_t pulse(uint32_t event, uint32_t delay, uint32_t width, uint16_t count, uint32_t period, uint32_t now) {
    if (tripped) return TRIPPED;
    if (analog()) return UNSUPPORTED;
    if (busy()) return BUSY;
    if (width == 0 || count == 0 || delay > MAX_US || period > MAX_US) return BAD_VALUE;
    if (width > longest_) return TOO_LONG;
    if (count > 1 && (period <= width || period - width < gap_)) return TOO_SOON;
    if (!rested_ && now - off_ + delay < gap_) return TOO_SOON;
    event_ = event;
    width_ = width;
    left_ = count;
    period_ = period;
    start_ = now + delay;
    state_ = WAITING;
    return OK;
  }

  uint8_t on(uint32_t event, uint32_t longest, uint32_t now) {
    if (tripped) return TRIPPED;
    if (analog()) return UNSUPPORTED;
    if (busy()) return BUSY;
    if (longest == 0) return BAD_VALUE;
    if (!rested_ && now - off_ < gap_) return TOO_SOON;
    event_ = event;
    width_ = longest < longest_ ? longest : longest_;
    state_ = HELD;
    set(true, now);
    return OK;
  }

  uint8_t value(uint16_t wanted) {
    if (tripped) return TRIPPED;
    if (!analog()) return UNSUPPORTED;
    board_value(pin, wanted);
    return OK;
  }

  // Into the safe state; true if something was going on, whose event is then `event()`.
  bool rest(uint32_t now) {
    bool was = busy();
    if (analog()) board_value(pin, safe_);
    else if (state_ == HIGH_PULSE || state_ == HELD) set(false, now);
    state_ = IDLE;
    return was;
  }

  void heard(uint32_t now) { beat_ = now; }
  bool overdue(uint32_t now) const { return configured && !tripped && now - beat_ >= watchdog_; }

  // What is due. Returns -1, or the reason why something ended (`event()`). `began` is set when the output went on.
  int tick(uint32_t now, bool &began) {
    if (!rested_ && now - off_ >= gap_) rested_ = true;
    if ((state_ == HIGH_PULSE || state_ == HELD) && now - on_ >= width_) {
      bool held = state_ == HELD;
      set(false, now);
      state_ = held || --left_ == 0 ? IDLE : WAITING;
      if (state_ == IDLE) return held ? LONGEST : COMPLETE;
      start_ += period_;
    }
    if (state_ == WAITING && (int32_t)(now - start_) >= 0 && rested_) {
      state_ = HIGH_PULSE;
      set(true, now);
      began = true;
    }
    return -1;
  }

 private:
  enum State : uint8_t { IDLE, WAITING, HIGH_PULSE, HELD };
  State state_ = IDLE;
  bool rested_ = true;  // the smallest gap since the last on-time is over
  uint16_t safe_ = 0, left_ = 0;
  uint32_t longest_ = 0, gap_ = 0, watchdog_ = 0;
  uint32_t beat_ = 0, off_ = 0, on_ = 0, start_ = 0, width_ = 0, period_ = 0;
  uint32_t event_ = NO_EVENT;

  void set(bool active, uint32_t now) {
    board_output(pin, active != (bool)(flags & ACTIVE_LOW));
    if (active) {
      on_ = board_micros();  // after it went on: the width is never less than was asked for
    } else {
      off_ = now;
      rested_ = gap_ == 0;
    }
  }
};

}  // namespace posewire
