; What a robot with one or two hands does in a household.
;
; `item` is anything that the scan shows; `hand` is a hand of the robot. What a thing affords comes from household.yaml,
; where things stand and whether a robot gets to them from the scan. A scan does not show whether a lamp is on or a
; drawer is clean, so the actions that change such a state ask only for what they touch, not for the state before.
(define (domain household)
  (:requirements :adl :typing)
  (:types item hand - object)
  (:predicates
    (near ?object - item)               ; the robot stands at it
    (free ?hand - hand)
    (grips ?hand - hand ?object - item)
    (holding ?object - item)            ; in any hand
    (on ?object ?place - item)
    (inside ?object ?place - item)
    (beside ?object ?place - item)      ; brought there by move or push
    (opened ?object - item)
    (switched_on ?object - item)
    (cleaned ?object - item)
    ; what never changes
    (reachable ?object - item)          ; free floor for the robot within its reach
    (unblocked ?object - item)          ; room for it to be opened
    (portable ?object - item)           ; can be carried in one hand
    (pushable ?object - item)           ; too heavy to carry, can be slid over the floor
    (surface ?object - item)
    (container ?object - item)
    (openable ?object - item)           ; has a door, lid or drawer; a container without one is always open
    (switchable ?object - item)
    (cleanable ?object - item))

  (:action goto
    :parameters (?object - item)
    :precondition (and (reachable ?object) (not (near ?object)))
    :effect (and (forall (?other - item) (not (near ?other))) (near ?object)))

  (:action pick_up
    :parameters (?object - item ?hand - hand)
    :precondition (and (portable ?object) (free ?hand) (not (holding ?object))
      (or (near ?object)
          (exists (?at - item) (and (near ?at) (or (on ?object ?at) (inside ?object ?at)))))
      (forall (?in - item) (or (not (inside ?object ?in)) (not (openable ?in)) (opened ?in)))
      (forall (?top - item) (not (on ?top ?object))))
    :effect (and (not (free ?hand)) (grips ?hand ?object) (holding ?object)
      (forall (?at - item) (and (not (on ?object ?at)) (not (inside ?object ?at)) (not (beside ?object ?at))))))

  (:action put_on
    :parameters (?object ?place - item ?hand - hand)
    :precondition (and (surface ?place) (grips ?hand ?object) (near ?place) (not (= ?object ?place)))
    :effect (and (on ?object ?place) (free ?hand) (not (grips ?hand ?object)) (not (holding ?object))))

  (:action put_in
    :parameters (?object ?place - item ?hand - hand)
    :precondition (and (container ?place) (grips ?hand ?object) (near ?place) (not (= ?object ?place))
      (or (opened ?place) (not (openable ?place))))
    :effect (and (inside ?object ?place) (free ?hand) (not (grips ?hand ?object)) (not (holding ?object))))

  (:action open
    :parameters (?object - item)
    :precondition (and (openable ?object) (unblocked ?object) (near ?object) (exists (?hand - hand) (free ?hand)))
    :effect (opened ?object))

  (:action close
    :parameters (?object - item)
    :precondition (and (openable ?object) (near ?object) (exists (?hand - hand) (free ?hand)))
    :effect (not (opened ?object)))

  (:action switch_on
    :parameters (?object - item)
    :precondition (and (switchable ?object) (near ?object) (exists (?hand - hand) (free ?hand)))
    :effect (switched_on ?object))

  (:action switch_off
    :parameters (?object - item)
    :precondition (and (switchable ?object) (near ?object) (exists (?hand - hand) (free ?hand)))
    :effect (not (switched_on ?object)))

  (:action clean
    :parameters (?object - item)
    :precondition (and (cleanable ?object) (near ?object) (exists (?hand - hand) (free ?hand)))
    :effect (cleaned ?object))

  (:action move
    :parameters (?object ?place - item)
    :precondition (and (or (portable ?object) (pushable ?object)) (near ?object) (reachable ?place)
      (not (= ?object ?place)) (exists (?hand - hand) (free ?hand))
      (forall (?in - item) (or (not (inside ?object ?in)) (not (openable ?in)) (opened ?in)))
      (forall (?top - item) (not (on ?top ?object))))
    :effect (and (beside ?object ?place) (near ?object)
      (forall (?at - item) (and (not (near ?at)) (not (on ?object ?at)) (not (inside ?object ?at))))))

  (:action push
    :parameters (?object ?place - item)
    :precondition (and (pushable ?object) (near ?object) (reachable ?place) (not (= ?object ?place))
      (forall (?hand - hand) (free ?hand)))
    :effect (and (beside ?object ?place) (near ?object) (forall (?at - item) (not (near ?at))))))
